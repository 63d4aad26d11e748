"""A VM is waited for until the portal can log in by SSH."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.management import CommandError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.making import make_lease, make_running, make_vm
from tests.vms.guests.ssh.ssh_guest import IP, MAC, Guest, fresh, running_vm, serving
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused, Silent
from virterweb.messages import Message
from vms.guests import ssh
from vms.management.arguments import wait_for_ssh
from vms.models import VM, Power, SSHCheck, SSHState, VMStatus

pytestmark = pytest.mark.integration


def test_the_gateway_has_a_reason_for_a_failed_connection():
    connection = Connection(1, "test:///default")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connection.host.tcp_socket("127.0.0.1", port, 1).close()
    with pytest.raises(Refused, match=rf"nothing listens at 127.0.0.1 port {port} \(connection refused\)"):
        connection.host.tcp_socket("127.0.0.1", port, 1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with (
            connection.host.tcp_socket("127.0.0.1", port, 1),
            pytest.raises(
                Silent,
                match=r"127\.0\.0\.1 does not answer: .* or the portal.s machine has no route",
            ),
        ):
            connection.host.tcp_socket("127.0.0.1", port, 0.2)  # the queue is full: nobody answers
    connection.close()


@pytest.fixture
def waited(db, own_key, enqueued) -> VM:
    return running_vm()


class Wire:
    """A host whose guests answer at a port on loopback, or do not answer."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.tried: list[str] = []

    def tcp_socket(self, address: str, port: int, seconds: float) -> socket.socket:
        self.tried.append(f"{address}:{port}")
        if self.port is None:
            raise Silent(Message.external(f"{address} does not answer"))
        return socket.create_connection(("127.0.0.1", self.port))


@pytest.fixture
def wire(monkeypatch) -> Wire:
    wire = Wire()

    @contextmanager
    def door(hypervisor_id: int, uri: str) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(host=wire)

    monkeypatch.setattr(ssh, "connected", door)
    return wire


def try_now(vm: VM) -> VM:
    SSHCheck.objects.filter(vm=vm).update(due_at=timezone.now())
    ssh.check(SSHCheck.objects.get(vm=vm).pk)
    return fresh(vm)


def test_a_vm_is_waited_for_until_it_can_be_logged_in_to(waited, wire, own_key):
    assert waited.shown_state == SSHState.WAITING
    vm = try_now(waited)
    assert (vm.shown_state, vm.ssh_reason) == (SSHState.WAITING, "it has no address yet")
    make_lease(vm.status.nics.get().network, MAC, IP)
    assert try_now(vm).ssh_reason == f"{IP} does not answer"
    with serving(Guest(own_key.get_base64(), 1)) as wire.port:
        assert try_now(vm).ssh_reason == "cloud-init is still running"
    with serving(Guest(own_key.get_base64(), 0)) as wire.port:
        vm = try_now(vm)
    assert (vm.shown_state, vm.ssh_reason, vm.ssh_check.reason) == (Power.RUNNING, "", Message())
    assert set(wire.tried) == {f"{IP}:22"}
    assert not ssh.due_checks().exists()


def test_a_vm_without_an_id_is_tried_at_the_address_of_its_lease(db, own_key, enqueued, wire):
    vm = running_vm(number=None, name="free")
    make_lease(vm.status.nics.get().network, MAC, "192.168.122.77")
    assert try_now(vm).ssh_reason == "192.168.122.77 does not answer"


def test_the_login_is_retried_with_growing_delays(waited, wire):
    def pause() -> float:
        check = try_now(waited).ssh_check
        return (check.due_at - timezone.now()).total_seconds()

    assert 1 < pause() < 3
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=40))
    assert 5 < pause() < 7
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=290))
    assert 9 < pause() <= 10


def test_the_login_fails_after_300_s_with_the_last_reason(waited, wire):
    make_lease(waited.status.nics.get().network, MAC, IP)
    try_now(waited)
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=301), due_at=timezone.now())
    vm = fresh(waited)
    assert vm.shown_state == SSHState.GIVEN_UP
    assert vm.ssh_reason == f"did not become reachable within 300 s: {IP} does not answer"
    assert not ssh.due_checks().exists()


def test_where_the_portal_cannot_reach_guests_ssh_is_unknown_and_the_page_says_why(waited, page):
    reason = Message("tcp.no_route", address=IP)
    SSHCheck.objects.update(reason=reason, since=timezone.now() - timedelta(seconds=301))
    text = page.get(waited.get_absolute_url()).content.decode()
    why = f"could not be checked within 300 s: {reason}"
    assert f"<dt>SSH unknown</dt><dd>{why}</dd>" in text
    assert "no SSH" not in text
    assert "SSH unknown</span>" in page.get("/vms/").content.decode()
    with pytest.raises(CommandError, match=re.escape(f"alma-8-8: {why}")):
        wait_for_ssh([fresh(waited)])


def test_a_vm_that_was_never_tried_does_not_fail(waited, wire):
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=900))
    assert fresh(waited).shown_state == SSHState.WAITING
    assert try_now(waited).shown_state == SSHState.GIVEN_UP


def test_a_start_restarts_the_wait_and_a_second_poll_does_not(waited):
    VMStatus.objects.update(document="<domain id='5'/>")
    SSHCheck.objects.update(ready_at=timezone.now(), reason="")
    ssh.note_start(fresh(waited), "<domain id='5'/>")
    assert fresh(waited).shown_state == Power.RUNNING
    ssh.note_start(fresh(waited), "<domain id='6'/>")
    assert fresh(waited).shown_state == SSHState.WAITING


def test_an_answer_to_the_previous_start_is_ignored(waited, wire, monkeypatch):
    def restarted_meanwhile(vm: VM) -> Message:
        ssh.note_start(vm, "<domain id='9'/>")
        return Message()

    monkeypatch.setattr(ssh, "_reason", restarted_meanwhile)
    assert try_now(waited).shown_state == SSHState.WAITING


def test_a_vm_that_is_off_or_not_waited_for_is_not_tried(waited, wire):
    VMStatus.objects.update(power=Power.OFF)
    assert fresh(waited).shown_state == Power.OFF
    assert not ssh.due_checks().exists()
    VMStatus.objects.update(power=Power.RUNNING)
    VM.objects.update(wait_ssh=False)
    assert fresh(waited).shown_state == Power.RUNNING
    assert not ssh.due_checks().exists()


def test_pages_show_that_a_vm_is_waited_for_and_why(waited, wire, page):
    try_now(waited)
    text = page.get(waited.get_absolute_url()).content.decode()
    assert 'data-state="waiting" title="it has no address yet"' in text
    assert "<dt>Waiting for SSH</dt><dd>it has no address yet</dd>" in text
    assert "waiting for SSH</span>" in text
    assert "waiting for SSH</span>" in page.get("/vms/").content.decode()
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=301))
    assert "no SSH</span>" in page.get("/vms/").content.decode()


def test_the_command_waits_and_fails_with_the_reason(waited, wire):
    SSHCheck.objects.update(ready_at=timezone.now())
    wait_for_ssh([waited])
    SSHCheck.objects.update(
        ready_at=None, reason=Message("tcp.silent", address="x"), since=timezone.now() - timedelta(seconds=301)
    )
    with pytest.raises(CommandError, match="alma-8-8: did not become reachable within 300 s: x does not answer"):
        wait_for_ssh([waited])
    VMStatus.objects.update(power=Power.OFF)
    with pytest.raises(CommandError, match="alma-8-8 is no longer running"):
        wait_for_ssh([waited])


def test_the_list_needs_the_same_number_of_queries_for_more_waiting_vms(waited, page):
    def queries() -> int:
        with CaptureQueriesContext(database) as found:
            assert (
                page.get("/vms/", headers={"HX-Request": "true"}).content.count(b"waiting for SSH")
                == VM.objects.count()
            )
        return len(found)

    few = queries()
    for number in range(20, 30):
        vm = make_vm(waited.hypervisor, f"vm-{number}", number, wait_ssh=True)
        make_running(vm, ("default", f"52:54:00:00:00:{number:02x}", f"vnet{number}"))
        if number % 2:
            ssh.note_start(vm, "<domain id='7'/>")
    assert queries() == few
