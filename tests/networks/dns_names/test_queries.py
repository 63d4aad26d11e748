"""DNS queries to a server that answers, or does not."""

import os
import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from virterweb.hypervisors.gateway import peer


class Server(threading.Thread):
    """A DNS server at the other end of a socket pair, which answers for some names only."""

    def __init__(self, zone: dict[str, list[str]], silent: tuple[str, ...] = ()) -> None:
        super().__init__(daemon=True)
        self.asker, self.here = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.zone, self.silent = zone, silent
        self.flags: set[int] = set()
        self.start()

    def run(self) -> None:
        while wire := self.here.recv(0x10000):
            query = dns.message.from_wire(wire)
            self.flags.add(int(query.flags))
            (asked,) = query.question
            name = asked.name.to_text(omit_final_dot=True)
            self.here.send(b"no DNS at all")
            if name in self.silent:
                continue
            answer = dns.message.make_response(query)
            kind = dns.rdatatype.to_text(asked.rdtype)
            for ip in self.zone.get(name, []):
                if (":" in ip) == (kind == "AAAA"):
                    answer.answer.append(dns.rrset.from_text(asked.name, 0, "IN", kind, ip))
            self.here.send(answer.to_wire())


@pytest.fixture
def served(monkeypatch) -> Iterator[type[Server]]:
    monkeypatch.setattr(peer, "SILENCE_TIMEOUT", 0.1)
    servers = []
    yield lambda *args, **values: servers.append(Server(*args, **values)) or servers[-1]
    for server in servers:
        server.asker.send(b"")
        server.join()
        server.here.close()
        server.asker.close()


def test_five_hundred_names_are_queried_in_both_families(served, monkeypatch):
    monkeypatch.setattr(peer, "TOTAL_TIMEOUT", 30)  # whatever else the machine has to do
    zone = {f"vm-{number}.test": [f"10.0.{number % 256}.9", "10.0.0.10", f"fd00::{number}"] for number in range(500)}
    server = served(zone)
    found = peer.resolve(server.asker, [(name, family) for name in zone for family in (4, 6)])
    assert found.keys() == zone.keys()
    assert found["vm-7.test"] == ["10.0.0.10", "10.0.7.9", "fd00::7"]
    assert server.flags == {0}


def test_a_name_without_an_answer_has_no_address(served):
    server = served({"a.test": ["10.0.0.5"]}, silent=("b.test",))
    asked = [(name, 4) for name in ("b.test", "a.test", "c.test", "no..name", "ä" * 80)]
    assert peer.resolve(server.asker, asked) == {
        **{"a.test": ["10.0.0.5"], "b.test": [], "c.test": []},
        **{"no..name": [], "ä" * 80: []},
    }


def test_a_silent_server_is_waited_for_only_once(served):
    silent = tuple(f"vm-{number}.test" for number in range(200))
    with pytest.raises(TimeoutError):
        peer.resolve(served({}, silent=silent).asker, [(name, 4) for name in silent])


def test_a_socket_in_the_own_namespace_needs_no_root():
    with peer.open_socket(os.getpid(), socket.AF_INET6) as found:
        assert (found.family, found.type) == (socket.AF_INET6, socket.SOCK_DGRAM)
