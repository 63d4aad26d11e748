"""Capacity: what a hypervisor has, what is used now, and what is allocated to VMs; unknown is not zero."""

import re
from html import unescape

from django.contrib.auth import get_user_model

from tests.support.making import make_hypervisor, make_image, make_running, make_vm
from tests.support.teams import make_team
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.people.models import Team
from vms.capacity.figures import capacity_of
from vms.models import VMStatus

GIB = 1024**3
HTMX = {"HX-Request": "true"}


def found(user=None) -> dict[str, object]:
    rows = list(Hypervisor.objects.select_related("status"))
    return {meter.title: meter for one in capacity_of(user, rows) for meter in one.meters}


def text(page, path: str) -> str:
    return re.sub(r"\s+", " ", unescape(page.get(path).content.decode()))


def test_allocated_used_and_unknown_figures_are_told_apart(page, enqueued):
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
    assert (memory.share, memory.of_all, memory.shown["free"]) == (80, 140, "6.0 GiB")
    assert (vcpus.running, vcpus.defined, vcpus.total, vcpus.tone) == (3, 5, 4, "high")
    lab.pools.create(name="tank", active=True, capacity=10 * GIB, available=0)
    assert found()["Pool tank"].tone == "full"
    for path in ("/capacity/", "/vms/run/"):
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


def test_the_fullest_hypervisors_come_first_and_a_page_shows_a_dozen(page, enqueued):
    for number in range(14):
        host = make_hypervisor(f"site-{number}")
        HypervisorStatus.objects.filter(hypervisor=host).update(memory=10 * 1024)
        make_running(make_vm(host, "vm", 9))
        VMStatus.objects.filter(desired__hypervisor=host).update(memory=number * 512 + 1)
    names = [one.hypervisor.name for one in page.get("/capacity/").context["page"]]
    assert names == [f"site-{number}" for number in range(13, 1, -1)]
    assert "<body" not in page.get("/capacity/?page=2", headers=HTMX).content.decode()
    assert "/capacity/" in text(page, "/")


def test_the_preview_has_the_chosen_hypervisor_and_warns_with_figures_but_refuses_nothing(page, enqueued):
    for name in ("lab-1", "lab-2"):
        image = make_image(make_hypervisor(name))
    lab = image.hypervisor
    HypervisorStatus.objects.filter(hypervisor=lab).update(memory=8 * 1024, cpus=4)
    lab.pools.update(capacity=30 * GIB, available=25 * GIB)
    lab.pools.create(name="small", active=True, capacity=GIB, available=GIB)
    make_running(make_vm(lab, "there", 9, image=image))
    VMStatus.objects.update(memory=1024, vcpus=2)
    sent = {"hypervisor": lab.pk, "image": image.name, "number": 20, "memory": 1024, "vcpus": 1, "boot_size": 10}
    disk = {"disk_name": "data", "disk_size": "1G", "disk_pool": "small"}

    def shown(**values: object) -> tuple[str, list[str]]:
        answer = page.post("/vms/run/preview/", {**sent, **values}, headers=HTMX)
        (one,) = answer.context["preview"].capacity
        return one.hypervisor.name, answer.context["preview"].warnings

    assert shown(count=1) == ("lab-2", [])
    assert shown(count=3, memory=4096, **disk) == (
        "lab-2",
        [
            "Memory: 3 × 4096 MiB are 12288 MiB, more than the 8192 MiB of the host of lab-2.",
            "vCPUs: 3 × 1 vCPUs are 3, where the running VM has 2 already, more than the 4 CPUs of the host of lab-2.",
            f"Pool {lab.pool}: disks may grow to 3 × 10.0 GiB = 30.0 GiB, more than the 25.0 GiB that are free.",
            "Pool small: disks may grow to 3 × 1.0 GiB = 3.0 GiB, more than the 1.0 GiB that are free.",
        ],
    )
    assert shown(count=3, hypervisor=Hypervisor.objects.get(name="lab-1").pk) == ("lab-1", [])
    assert page.post("/vms/run/", {**sent, "count": 3, "memory": 4096}).status_code == 302
