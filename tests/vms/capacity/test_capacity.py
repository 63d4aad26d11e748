"""Capacity: what a hypervisor has, what is used now, and what VMs are promised; unknown is not zero."""

import re

from django.contrib.auth import get_user_model

from tests.support.making import make_hypervisor, make_running, make_vm
from tests.support.teams import make_team
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.people.models import Team
from vms.capacity import capacity_of
from vms.models import VMStatus

GIB = 1024**3


def found(user=None) -> dict[str, object]:
    rows = list(Hypervisor.objects.select_related("status"))
    return {meter.title: meter for one in capacity_of(user, rows) for meter in one.meters}


def text(page, path: str) -> str:
    return re.sub(r"\s+", " ", page.get(path).content.decode())


def test_promises_use_and_unknown_figures_are_told_apart(page, enqueued):
    lab = make_hypervisor()
    assert {name: (one.share, one.shown["total"]) for name, one in found().items()} == {
        "Memory": (None, "unknown"),
        "vCPUs": (None, "unknown"),
    }
    HypervisorStatus.objects.update(memory=10 * 1024, memory_used=4 * 1024, cpus=4)
    running = make_vm(lab, "running", 8, memory=1024, vcpus=1)
    make_running(running)
    VMStatus.objects.filter(desired=running).update(memory=8 * 1024, vcpus=3)
    make_vm(lab, "off", 9, memory=6 * 1024, vcpus=2)
    memory, vcpus = found()["Memory"], found()["vCPUs"]
    assert (memory.running, memory.defined, memory.used) == (8 * GIB, 14 * GIB, 4 * GIB)
    assert (memory.share, memory.promised, memory.shown["free"]) == (80, 140, "6.0 GiB")
    assert (vcpus.running, vcpus.defined, vcpus.total, vcpus.tone) == (3, 5, 4, "high")
    lab.pools.create(name="tank", active=True, capacity=10 * GIB, available=0)
    assert found()["Pool tank"].tone == "full"
    for path in ("/", "/vms/run/"):
        shown = text(page, path)
        assert "To all VMs: 14.0 GiB (140 %)." in shown, path
        assert "full</b>" in shown, path


def test_who_neither_creates_vms_nor_sees_all_is_told_no_figures(db, enqueued):
    lab = make_hypervisor()
    Team.objects.update(role_of_all=None)
    red = get_user_model().objects.create_user("red")
    assert found(red) == {}
    make_team("red", {red: "user"}, on=lab, others="", pools="own")
    lab.pools.create(name="hidden", active=True, capacity=GIB)
    assert set(found(get_user_model().objects.get(pk=red.pk))) == {"Memory", "vCPUs"}
