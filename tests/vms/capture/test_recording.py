"""A capture is recorded in parts until a limit, a stop, or the loss of the right."""

import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.support.making import make_foreign_network, make_hypervisor, make_running, make_vm
from tests.support.teams import make_team, role
from tests.vms.capture.test_pcap import HEADERS, packet
from virterweb.activity.models import Entry
from virterweb.people.models import Membership
from vms.capture import requests, work
from vms.capture.recorder import Recorder
from vms.models import VM, Capture, CaptureEnd

MAC = "52:54:00:00:00:08"
LIMITS = requests.Limits(seconds=20, packets=5, size=10_000)


@pytest.fixture
def vm(db, enqueued, member) -> VM:
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    vm = make_vm(hypervisor, team=make_team("b", {member: role("user")}))
    make_running(vm, ("default", MAC, "vnet1"))
    return VM.objects.shown().get(pk=vm.pk)


@pytest.fixture
def pipe() -> Iterator[SimpleNamespace]:
    """The output of a tcpdump that writes what the test writes."""
    file, end = os.pipe()
    yield SimpleNamespace(file=file, write=lambda data: os.write(end, data))
    os.close(file)
    os.close(end)


def asked(vm: VM, by, **limits: int) -> Capture:
    nic = vm.status.nics.get()
    return requests.ask(vm, nic, "", requests.Limits(**(vars(LIMITS) | limits)), by)


def recorded(capture: Capture) -> bytes:
    return b"".join(bytes(part.data) for part in capture.parts.all())


def test_the_packets_up_to_the_limit_are_kept(vm, member, pipe):
    capture = asked(vm, member)
    pipe.write(HEADERS["little"] + 9 * packet(10))
    assert Recorder(capture, vm, pipe).run() == CaptureEnd.PACKETS
    capture.refresh_from_db()
    assert recorded(capture) == HEADERS["little"] + 5 * packet(10)
    assert (capture.captured_packets, capture.captured_size) == (5, 24 + 5 * 26)


@pytest.mark.parametrize(("limits", "end"), [({"size": 60}, CaptureEnd.SIZE), ({"seconds": 1}, CaptureEnd.SECONDS)])
def test_it_ends_at_its_other_limits(vm, member, pipe, limits, end):
    capture = asked(vm, member, **limits)
    pipe.write(HEADERS["little"] + 2 * packet(10))
    assert Recorder(capture, vm, pipe).run() == end
    assert recorded(capture).startswith(HEADERS["little"] + packet(10))


def test_a_stop_ends_it_although_no_packet_arrives(vm, member, pipe):
    capture = asked(vm, member)
    requests.stop(capture, member)
    assert Recorder(capture, vm, pipe).run() == CaptureEnd.STOPPED


def test_a_revoked_right_ends_it(vm, member, pipe):
    capture = asked(vm, member)
    pipe.write(HEADERS["little"] + packet(10))
    Membership.objects.filter(user=member).update(role=role("viewer"))
    assert Recorder(capture, vm, pipe).run() == CaptureEnd.FORBIDDEN
    assert recorded(capture) == HEADERS["little"] + packet(10)


def test_a_user_who_may_no_longer_sign_in_ends_it(vm, member, pipe):
    capture = asked(vm, member)
    get_user_model().objects.filter(pk=member.pk).update(is_active=False)
    assert Recorder(capture, vm, pipe).run() == CaptureEnd.FORBIDDEN


def test_a_vm_that_is_deleted_ends_it(vm, member, pipe):
    capture = asked(vm, member)
    VM.objects.filter(pk=vm.pk).delete()
    pipe.write(HEADERS["little"] + packet(10))
    assert Recorder(capture, vm, pipe).run() == CaptureEnd.STOPPED


def test_a_capture_whose_worker_was_killed_is_not_repeated(vm, member):
    capture = asked(vm, member)
    Capture.objects.filter(pk=capture.pk).update(begun_at=timezone.now(), tap="vnet1")
    work.carry_out(capture.pk)
    capture.refresh_from_db()
    assert capture.error.code == "capture.interrupted"
    assert Entry.objects.get(event="captured").result == "failed"
    assert not work.due_captures().exists()


def test_a_capture_that_is_stopped_before_it_begins_needs_no_host(vm, member):
    capture = asked(vm, member)
    requests.stop(capture, member)
    work.carry_out(capture.pk)
    capture.refresh_from_db()
    assert (capture.end, Entry.objects.get(event="captured").result) == ("stopped", "done")
