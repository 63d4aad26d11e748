"""What somebody who is not signed in can do to the web server: not much, and not for long."""

import contextlib
import http.client
import resource
import socket
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

MANY = 1100
HALF = b"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal whose temporary files would be seen."""
    folder = tmp_path_factory.mktemp("portal")
    (folder / "tmp").mkdir()
    portal = Portal(folder, {}, TMPDIR=str(folder / "tmp"))
    portal.start_web()
    portal.log_in()
    yield portal
    portal.stop()


@pytest.fixture
def address(portal: Portal) -> tuple[str, int]:
    found = urllib.parse.urlsplit(portal.url)
    return found.hostname, found.port


def cookies(portal: Portal) -> str:
    jar = next(handler for handler in portal._browser.handlers if hasattr(handler, "cookiejar")).cookiejar
    return "; ".join(f"{each.name}={each.value}" for each in jar)


@contextlib.contextmanager
def connected(address: tuple[str, int], count: int, said: bytes, source: str = "") -> Iterator[list[socket.socket]]:
    """Open that many connections, each with an incomplete request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * MANY), hard))
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            one = socket.create_connection(address, timeout=10, source_address=(source, 0) if source else None)
            found.append(stack.enter_context(one))
            with contextlib.suppress(OSError):  # closed already
                one.sendall(said)
        yield found
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def is_closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return one.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def status_of(address: tuple[str, int]) -> int:
    connection = http.client.HTTPConnection(*address, timeout=5)
    connection.request("GET", "/login/")
    return connection.getresponse().status


def sent(address: tuple[str, int], path: str, size: int, cookie: str = "", chunked: bool = False) -> tuple[int, int]:
    """Send a body of zeros as far as the server takes it; the answer's status, 0 if cut, and how much it took."""
    part = bytes(65536)
    with socket.create_connection(address, timeout=30) as one:
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        kind = "Content-Type: multipart/form-data; boundary=x"
        one.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n{kind}\r\n{length}\r\n\r\n".encode()
        )
        taken, answer = 0, b""
        one.settimeout(0.5)
        with contextlib.suppress(OSError):
            while taken < size and not answer:
                one.sendall(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                taken += len(part)
                with contextlib.suppress(BlockingIOError):
                    answer = one.recv(100, socket.MSG_DONTWAIT)
        one.settimeout(30)
        with contextlib.suppress(OSError):
            answer = answer or one.recv(100)
        return (int(answer.split()[1]) if answer else 0), taken


def written(portal: Portal) -> int:
    """Bytes of files that the web server has for bodies, be they deleted already."""
    total = 0
    for link in Path(f"/proc/{portal.web.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(link.readlink())
            if str(portal.data / "tmp") in target or "uploads" in target:
                total += link.stat().st_size
    return total + sum(each.stat().st_size for each in (portal.data / "tmp").iterdir())


def test_incomplete_requests_delay_nobody_and_are_closed(portal: Portal, address):
    with connected(address, MANY, HALF) as waiting:
        began = time.monotonic()
        assert [status_of(address) for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 10
        wait_for(lambda: all(map(is_closed, waiting)), 40, "all are closed")
    assert status_of(address) == 200


def test_connections_that_say_nothing_at_all_are_closed_too(portal: Portal, address):
    with connected(address, 20, b"") as waiting:
        wait_for(lambda: all(map(is_closed, waiting)), 40, "all are closed")


def test_a_client_address_gets_only_its_share_of_connections(portal: Portal, address):
    with connected(address, 600, HALF, source="127.0.0.2") as waiting:
        wait_for(lambda: sum(map(is_closed, waiting)) >= 100, 10, "those above its share are closed")
        assert status_of(address) == 200


def test_a_body_that_does_not_come_ends(portal: Portal, address):
    said = b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nusername="
    with connected(address, 50, said) as waiting:
        assert status_of(address) == 200
        wait_for(lambda: all(map(is_closed, waiting)), 60, "all are closed")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    "path", ["/login/", "/admin/login/", "/images/", "/vms/run/", "/static/css/tokens.css", "/nothing/"]
)
def test_nobody_fills_the_disk_or_the_memory_without_being_signed_in(portal: Portal, address, path, chunked):
    status, taken = sent(address, path, 300_000_000, chunked=chunked)
    assert status in (0, 302, 403, 404, 405, 413)
    assert taken < 100_000_000  # what is on its way between two sockets, and what is thrown away
    assert written(portal) < 200_000


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/vms/run/", "/networks/add/", "/networks/lab/net1/xml/"])
def test_a_form_has_a_size_limit_for_signed_in_users(portal: Portal, address, path, chunked):
    status, taken = sent(address, path, 300_000_000, cookies(portal), chunked=chunked)
    assert status in (0, 403, 413)
    assert taken < 100_000_000
    assert written(portal) < 9_000_000


def test_an_upload_is_written_directly_into_the_spool_folder(portal: Portal, address):
    """Half of it is sent: this part is already in the folder, and nowhere else."""
    size = 40_000_000
    token = portal.token("/images/")
    head = (
        f'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n'
        '--x\r\nContent-Disposition: form-data; name="file"; filename="disk.raw"\r\n\r\n'
    ).encode()
    with socket.create_connection(address, timeout=30) as one:
        one.sendall(
            f"POST /images/ HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies(portal)}\r\nReferer: {portal.url}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {size + len(head)}\r\n\r\n".encode()
            + head
            + bytes(size // 2)
        )
        spool = portal.data / "uploads"
        wait_for(lambda: sum(each.stat().st_size for each in spool.iterdir()) > 15_000_000, 20, "half is there")
        assert not any((portal.data / "tmp").iterdir())
    wait_for(lambda: not any(spool.iterdir()), 50, "what was broken off is gone")
