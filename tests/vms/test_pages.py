"""The pages of VMs and images: desired and observed values, and their actions."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.models import Network
from tests.support.making import (
    make_foreign_network,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
    record_volume,
)
from virterweb.hypervisors.templatetags import moments
from virterweb.messages import Message
from vms.definition.nics.spec import NICSpec
from vms.models import VM, Image, NICStatus, Power, VMStatus

ACCESS, SECOND, OUTSIDE = "52:54:00:00:00:08", "52:54:00:80:00:01", "52:54:00:cc:00:01"


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    """A VM that runs with a NIC on default and one on net1."""
    vm = make_vm(lab, image=make_image(lab))
    vm.add_nic(NICSpec(kind="network", source="net1", mac=SECOND))
    make_running(vm, ("default", ACCESS, "vnet1"), ("net1", SECOND, "vnet2"))
    Network.objects.get(name="net1").status.write(
        present=True, ip_range="10.255.0.1/24", dhcp="10.255.0.2-10.255.0.254"
    )
    VMStatus.objects.update(observed_at=timezone.now())
    return again(vm)


def again(vm: VM) -> VM:
    return VM.objects.shown().get(pk=vm.pk)


def cells(answer, identifier: str) -> list[list[str]]:
    (found,) = html.fromstring(answer.content).xpath(f"//table[@id='{identifier}']")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in found.xpath("./tbody/tr")]


def test_the_list_shows_state_image_size_nics_and_access_address(page, lab, vm):
    make_lease(lab.networks.get(name="default"), ACCESS, "192.168.122.8")
    make_vm(lab, "stranger", None, managed=False, generation=0, memory=0)
    (table,) = html.fromstring(page.get("/vms/").content).xpath("//table")
    rows = [[" ".join(cell.text_content().split()) for cell in row[:-1]] for row in table.xpath("./*/tr")]
    assert rows == [
        ["Name", "ID", "State", "Image", "Memory", "vCPUs", "NICs", "IP"],
        ["alma-8-8", "8", "running", "alma-8", "1024 MiB", "1", "2", "192.168.122.8"],
        ["stranger", "", "off unmanaged", "", "", "1", "0", "not running"],
    ]


def test_the_list_is_filtered_by_name_mac_and_network(page, lab, vm):
    make_vm(lab, "other", 9)
    for text, names in (("alma", ["alma-8-8"]), (SECOND, ["alma-8-8"]), ("net1", ["alma-8-8"]), ("oth", ["other"])):
        assert [row.name for row in page.get(f"/vms/?q={text}").context["table"].rows] == names


def test_a_page_joins_desired_nics_with_found_ones_and_their_leases(page, lab, vm):
    since = timezone.now() - timedelta(hours=3)
    make_lease(lab.networks.get(name="default"), ACCESS, "192.168.122.8", "alma-8-8", first_seen=since)
    told = "192.168.122.8 lease for 3 h"
    waiting = f"waiting since {timezone.localtime(vm.status.observed_at):%H:%M}: the guest is starting"
    NICStatus.objects.create(vm=vm.status, position=2, kind="bridge", source="br0", mac=OUTSIDE)
    VM.objects.update(generation=1)
    vm.add_nic(NICSpec(kind="network", source="net1", mac="52:54:00:80:00:02"))
    VMStatus.objects.update(generation=2)
    answer = page.get(vm.get_absolute_url())
    assert "ssh root@192.168.122.8" in answer.content.decode()
    assert cells(answer, "nics") == [
        ["default access", "virtio", ACCESS, told, "alma-8-8", "vnet1", "up", "attached", "", ""],
        ["net1", "virtio", SECOND, waiting, "", "vnet2", "up", "attached", "", ""],
        ["net1", "virtio", "52:54:00:80:00:02", "", "", "", "", "missing", "", ""],
        [
            "br0 host bridge",
            "",
            OUTSIDE,
            "DHCP outside libvirt",
            "",
            "",
            "up",
            "added outside",
            "",
            "",
        ],
    ]
    icons = html.fromstring(answer.content).xpath("//*[@id='nics']//a[contains(@class, 'icon')]/@aria-label")
    macs, changes = (ACCESS, SECOND, "52:54:00:80:00:02", OUTSIDE), ("Edit NIC", "Remove NIC")
    captured = [f"Capture packets of NIC {mac}" for mac in (ACCESS, SECOND)]  # the others have no host device
    assert [each for each in icons if each not in captured] == [f"{verb} {mac}" for mac in macs for verb in changes]
    assert [each for each in icons if each in captured] == captured


def test_a_nic_is_added_with_a_mac_chosen_by_the_portal(page, lab, vm, enqueued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        page.post(f"{vm.get_absolute_url()}nics/add/", {"network": "net1", "model": "virtio"})
    nic = vm.nics.last()
    assert (nic.position, nic.source, nic.mac[:9]) == (2, "net1", "52:54:00:")
    assert int(nic.mac[9:11], 16) >= 0x80  # Virter's IDs count from below
    assert again(vm).state == "pending"
    assert enqueued == [("vms.tasks.push", vm.pk)]
    assert cells(page.get(vm.get_absolute_url()), "nics")[2][7] == "attaching"


def test_a_nic_with_anothers_mac_is_refused(page, lab, vm):
    answer = page.post(f"{vm.get_absolute_url()}nics/add/", {"network": "net1", "mac": ACCESS.upper()})
    assert answer.status_code == 422
    assert "This MAC is in use by alma-8-8." in answer.content.decode()


def test_a_nic_that_goes_is_shown_as_detaching_with_the_reason(page, lab, vm):
    page.post(f"{vm.get_absolute_url()}nics/{SECOND}/remove/")
    vm.status.write(progress=Message.external("the guest has not released NIC"))
    answer = page.get(vm.get_absolute_url())
    assert cells(answer, "nics")[1][7:] == ["detaching", "", "Detach at next shutdown"]
    note = " ".join(html.fromstring(answer.content).get_element_by_id("reason").text_content().split())
    assert re.fullmatch(r"Change in progress for \d+ s: the guest has not released NIC", note)


def test_removing_the_access_nic_is_warned_of(page, lab, vm):
    assert "This is the access NIC" in page.get(f"{vm.get_absolute_url()}nics/{ACCESS}/remove/").content.decode()
    assert "This is the access NIC" not in page.get(f"{vm.get_absolute_url()}nics/{SECOND}/remove/").content.decode()
    assert page.get(f"{vm.get_absolute_url()}nics/52:54:00:00:00:99/remove/").status_code == 404


@pytest.mark.parametrize(
    ("verb", "running"),
    [
        *(("start", True), ("resume", True), ("reboot", True), ("pause", True), ("reset", True)),
        *(("shutdown", False), ("save", False), ("force-off", False), ("discard", True)),
    ],
)
def test_a_power_change_is_saved_and_enqueued(page, lab, vm, verb, running):
    page.post(f"{vm.get_absolute_url()}{verb}/")
    desired = again(vm)
    assert (desired.running, desired.power_verb, desired.power_generation) == (running, verb, desired.generation)
    confirmed = verb in ("force-off", "reset", "discard")
    assert page.get(f"{vm.get_absolute_url()}{verb}/").status_code == (200 if confirmed else 405)


def test_deletion_lists_the_effects_and_requires_the_name(page, lab, vm):
    path = f"{vm.get_absolute_url()}remove/"
    shown = page.get(path).content.decode()
    for text in ("virter:work:alma-8-8-cidata", ACCESS, SECOND, "is forced off"):
        assert text in shown
    assert page.post(path, {"name": "alma"}).status_code == 422
    assert again(vm).removed_at is None
    page.post(path, {"name": "alma-8-8"})
    assert again(vm).state == "removing"


def test_a_foreign_vm_is_shown_and_not_touched(page, lab):
    vm = make_vm(lab, "stranger", None, managed=False, generation=0)
    VMStatus.objects.filter(desired=vm).update(present=True, power=Power.RUNNING)
    assert (
        "Unmanaged: the portal shows it and does what is requested here"
        in page.get(vm.get_absolute_url()).content.decode()
    )
    assert page.post(f"{vm.get_absolute_url()}remove/", {"name": "stranger"}).status_code == 404


def test_an_image_names_a_volume_that_exists(page, lab, enqueued):
    record_volume(lab, "alma.qcow2", path="/x", format="qcow2", capacity=10 * 1024**3)
    answer = page.post("/images/", {"hypervisor": lab.pk, "name": "alma-9", "volume": "alma.qcow2"})
    assert answer.status_code == 302
    image = Image.objects.get()
    assert (image.volume, image.state) == ("alma.qcow2", "pending")
    assert "10.0 GiB" in page.get("/images/").content.decode()


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": "x"}, "volume", "Choose a volume of the pool, a file or a URL."),
        ({"name": "x", "volume": "nowhere"}, "volume", "The pool default has no volume nowhere."),
        ({"name": "alma-8", "volume": "alma-8"}, "name", "lab-1 already has an image alma-8."),
        ({"name": "a/b", "volume": "alma-8"}, "name", "cannot contain “/”"),
        ({"name": "x", "volume": "virter:work:vm"}, "volume", "This is the disk of a VM."),
    ],
)
def test_a_bad_image_is_refused_at_its_field(page, lab, fields, field, said):
    make_image(lab)
    record_volume(lab, "virter:work:vm", path="/x")
    answer = page.post("/images/", {"hypervisor": lab.pk, **fields})
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[field])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7200, "2 h"),
        (86400, "1 d"),
        (1e7, "115 d"),
    ],
)
def test_an_age_is_in_one_unit_with_the_exact_time_when_pointed_at(seconds, words):
    at = timezone.now() - timedelta(seconds=seconds)
    shown = html.fromstring(moments.age(at))
    assert shown.text == words
    assert shown.get("title") == f"since {timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}"
