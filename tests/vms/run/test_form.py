"""Running a VM by form: what an ID decides, what is refused before anything is made, what a good one wishes for."""

from email import message_from_string
from urllib.parse import urlencode

import pytest
import yaml
from django.utils.html import escape

from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations.reservations import reserve
from tests.support.making import (
    DEFAULT,
    SSH_KEY,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from virterweb.hypervisors.models import HypervisorStatus
from vms.addresses import ids
from vms.cloud_init import seed
from vms.models import VM, VMStatus, Volume
from vms.nics.new_nic_form import NICForm

GOOD = {"image": "alma-8", "number": "8", "name": "", "memory": "1024", "vcpus": "1", "boot_size": "10"}


@pytest.fixture
def lab(db, pokes):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


def send(page, lab, nics=(), disks=(), **fields):
    rows = {f"nic_{key}": [nic.get(key, "") for nic in nics] for key in NICForm.FIELDS}
    rows |= {f"disk_{key}": [disk.get(key, "") for disk in disks] for key in ("name", "size", "format", "bus", "pool")}
    return page.post("/vms/run/", {"hypervisor": lab.pk, **GOOD, **rows, **fields})


def errors(answer) -> dict[str, str]:
    return {field: " ".join(texts) for field, texts in answer.context["form"].errors.items()}


def test_a_good_one_becomes_a_wish_with_virters_name_mac_and_order(
    page, lab, pokes, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(page, lab, nics=[{"network": "net1"}, {"bridge": "br0", "model": "e1000"}])
    vm = VM.objects.get()
    assert answer.url == "/vms/lab-1/alma-8-8/"
    nics = list(vm.nics.values_list("kind", "source", "model"))
    assert nics == [("network", "default", "virtio"), ("network", "net1", "virtio"), ("bridge", "br0", "e1000")]
    macs = list(vm.nics.values_list("mac", flat=True))
    assert macs[0] == "52:54:00:00:00:08"
    assert len(set(macs)) == 3 and all(mac.startswith("52:54:00:") for mac in macs)
    assert vm.host_key.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert ("vms.tasks.push", vm.pk) in pokes


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("image", "none", "There is no image none on this hypervisor."),
        ("image", "", "required"),
        ("number", "1", "greater than or equal to 2"),
        ("number", "255", "ID 255 has no address in 192.168.122.0/24."),
        ("number", "x", "whole number"),
        ("number", "0", "greater than or equal to 2"),
        ("number", "-8", "greater than or equal to 2"),
        ("number", str(2**24), "less than or equal to"),
        ("number", "9" * 40, "less than or equal to"),
        ("count", "0", "greater than or equal to 1"),
        ("count", "-1", "greater than or equal to 1"),
        ("count", "101", "less than or equal to 100"),
        ("count", "x", "whole number"),
        ("name", "a/b", "no “/”"),
        ("name", "a b", "host name"),
        ("name", "<script>alert(1)</script>", "no “/”"),
        ("name", ".", "neither a space nor a dot"),
        ("name", "-a", "host name"),
        ("memory", "9" * 12, "less than or equal to"),
        ("memory", "-1", "greater than or equal to 1"),
        ("memory", "1G", "whole number"),
        ("vcpus", "513", "less than or equal to 512"),
        ("ssh_user", "a b", "Enter a user name."),
        ("ssh_user", "Root", "Enter a user name."),
        ("console_dir", "here", "An absolute path."),
        ("vnc_port", "0", "greater than or equal to 1"),
        ("vnc_port", "65536", "less than or equal to 65535"),
        ("vnc_bind", "here", "valid IPv4 or IPv6"),
        ("user_data", "#" * 200_001, "It has 200,001 bytes; at most 200,000 are taken."),
        ("user_data", "#\0c\0l\0o\0u\0d\0-\0c\0o\0n\0f\0i\0g\0", "It is UTF-16: save it as UTF-8."),
        ("user_data", "#cloud-config\na: b: c", "Line 2, column 5 is no YAML"),
        ("user_data", "#cloud-config\na:\n\tb: 1", "Line 3 is indented by a tab"),
        ("name", "under_score", "host name"),
        ("name", "a" * 51, "50 characters"),
        ("name", "<b>", "host name"),
        ("memory", "0", "greater than or equal to 1"),
        ("vcpus", "0", "greater than or equal to 1"),
        ("boot_size", "-1", "greater than or equal to 0"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_nothing_is_made(page, lab, field, typed, said):
    answer = send(page, lab, **{field: typed})
    assert answer.status_code == 422
    assert said in errors(answer)[field]
    assert escape(typed) in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert not VM.objects.exists()


@pytest.mark.parametrize(
    ("nic", "field", "said"),
    [
        ({}, "network", "Choose a network, or name a bridge"),
        ({"network": "net1", "bridge": "br0"}, "network", "one of them"),
        ({"network": "nowhere"}, "network", "There is no network nowhere on this hypervisor."),
        ({"bridge": "b" * 16}, "bridge", "15 bytes"),
        ({"network": "net1", "mac": "01:00:5e:00:00:01"}, "mac", "multicast"),
        ({"network": "net1", "mac": "52:54:00"}, "mac", "This is no MAC"),
        ({"network": "net1", "model": "ne2000"}, "model", "Select a valid choice"),
    ],
)
def test_a_bad_nic_is_refused_at_its_row(page, lab, nic, field, said):
    answer = send(page, lab, nics=[{"network": "net1"}, nic])
    assert answer.status_code == 422
    second = answer.context["form"].nics[1]
    assert said in " ".join(second.errors[field])
    assert said in answer.content.decode()
    assert not VM.objects.exists()


def test_two_nics_cannot_have_the_same_mac(page, lab):
    mac = "52:54:00:AA:00:01"
    nics = [{"network": "net1", "mac": mac}, {"network": "net1"}, {"network": "net1", "mac": "5254.00aa.0001"}]
    first, _, third = send(page, lab, nics=nics).context["form"].nics
    assert not first.errors
    assert third.errors["mac"] == ["NIC 1 has this MAC too."]
    assert not VM.objects.exists()


STATIC = {"network": "net1", "guest": "static", "guest_addresses": "10.255.0.9/24"}
OUT = {"network": "default", "default_route": "yes"}


@pytest.mark.parametrize(
    ("nics", "fields", "field", "said"),
    [
        ([OUT, {"network": "net1"}, OUT], {}, "default_route", "NIC 1 has it; there can be two by metrics only."),
        ([STATIC, {}, STATIC], {}, "guest_addresses", "NIC 1 has 10.255.0.9/24, too."),
        ([STATIC], {"count": "2"}, "guest_addresses", "Each of several VMs needs an address of its own."),
        ([STATIC | {"guest_addresses": "10.1.0.9/24"}], {}, "guest_addresses", "10.1.0.9 is outside 10.255.0.0/24"),
        ([STATIC | {"guest_addresses": "10.255.0.7/24"}], {}, "guest_addresses", "10.255.0.7 is reserved for"),
        ([STATIC | {"gateway": "10.1.0.1"}], {}, "gateway", "10.1.0.1 is not in the block of its address"),
        ([STATIC | {"dns": "x"}], {}, "dns", "x is not an IP address."),
        ([{"network": "net1", "default_route": "yes"}], {}, "default_route", "net1 is isolated"),
        ([STATIC | {"guest": "by chance"}], {}, "guest", "Select a valid choice."),
    ],
)
def test_what_a_guest_cannot_do_with_a_nic_is_said_at_its_row(page, lab, nics, fields, field, said):
    net1 = Network.objects.get(name="net1")
    reserve(net1, [HostSpec(mac="52:54:00:00:00:07", ip="10.255.0.7")], None)
    answer = send(page, lab, nics=[nic or {"network": "net1"} for nic in nics], **fields)
    assert answer.status_code == 422 and not VM.objects.exists()
    assert said in " ".join(answer.context["form"].nics[-1].errors[field])


def test_several_default_routes_are_ranked_by_metric(page, lab):
    assert send(page, lab, nics=[OUT, OUT | {"metric": "300"}]).status_code == 302
    guests = seed.wanted(VM.objects.get())
    assert [(4 in guest.default_route, guest.metric) for guest in guests] == [(False, None), (True, None), (True, 300)]


def test_no_nic_has_the_mac_that_the_id_decides_or_that_another_vm_has(page, lab):
    make_vm(lab, "other", 9)
    nics = [{"network": "default", "mac": "52:54:00:00:00:08"}, {"network": "net1", "mac": "52:54:00:00:00:09"}]
    first, second = send(page, lab, nics=nics).context["form"].nics
    assert first.errors["mac"] == ["The access NIC has this MAC: ID 8 decides it."]
    assert second.errors["mac"] == ["This MAC is in use by other."]


def test_an_id_that_anything_uses_is_refused(page, lab):
    access = lab.networks.get(name="default")
    make_host(access, "52:54:00:00:00:09", "192.168.122.9")
    make_running(make_vm(lab, "other", None, managed=False), ("default", "52:54:00:00:00:0a", "vnet0"))
    make_vm(lab, "wished", 11)
    assert "the DHCP reservation 52:54:00:00:00:09 192.168.122.9" in errors(send(page, lab, number="9"))["number"]
    assert "other has the MAC 52:54:00:00:00:0a" in errors(send(page, lab, number="10"))["number"]
    assert "ID 11 is taken" in errors(send(page, lab, number="11"))["number"]


def test_a_taken_name_or_a_volume_left_over_is_refused(page, lab):
    make_vm(lab, "alma-8-8", 20)
    assert "There is a VM alma-8-8 on lab-1 already." in errors(send(page, lab))["name"]
    Volume.objects.create(hypervisor=lab, name="virter:work:alma-8-9-cidata", path="/x")
    assert "virter:work:alma-8-9-cidata left over" in errors(send(page, lab, number="9"))["name"]


def test_with_static_dhcp_the_host_entry_must_exist(page, lab):
    lab.static_dhcp = True
    lab.save()
    assert "has no DHCP reservation" in errors(send(page, lab))["number"]
    make_host(lab.networks.get(name="default"), "52:54:00:00:00:08", "192.168.122.8")
    assert send(page, lab).status_code == 302


def test_an_image_on_its_way_cannot_be_run_yet(page, lab):
    image = make_image(lab, "new")
    image.status.write(made_at=None)
    assert "new is not in the pool yet: it is on its way." in errors(send(page, lab, image="new"))["image"]


def test_the_next_free_id_is_the_lowest_that_no_mac_entry_or_lease_uses(lab):
    access = lab.networks.get(name="default")
    assert ids.next_free_id(lab) == 2
    make_vm(lab, "wished", 2)
    make_running(make_vm(lab, "found", None, managed=False), ("default", "52:54:00:00:00:03", "vnet0"))
    make_host(access, "52:54:00:aa:aa:aa", "192.168.122.4")
    make_lease(access, "52:54:00:bb:bb:bb", "192.168.122.5")
    make_lease(access, "52:54:00:00:00:06", "192.168.122.77")
    assert ids.next_free_id(lab) == 7


def test_the_form_shows_what_an_id_decides_while_it_is_typed(page, lab):
    first = page.get("/vms/run/").content.decode()
    assert "52:54:00:00:00:02" in first and "192.168.122.2" in first
    shown = page.post("/vms/run/preview/", {"hypervisor": lab.pk, **GOOD}).content.decode()
    for text in ("alma-8-8", "52:54:00:00:00:08", "192.168.122.8"):
        assert text in shown


def test_rows_of_nics_come_and_go_without_complaints(page, lab):
    answer = send(page, lab, nics=[{"network": "net1"}], image="", change="add-nic")
    assert [nic.data.get("network") for nic in answer.context["form"].nics] == ["net1", None]
    assert answer.status_code == 200 and "required." not in answer.content.decode()
    answer = send(page, lab, nics=[{"network": "net1"}, {"bridge": "br0"}], change="drop-nic-0")
    assert [nic.data["bridge"] for nic in answer.context["form"].nics] == ["br0"]
    assert not VM.objects.exists()


def test_rows_of_disks_come_and_go_without_complaints(page, lab):
    answer = send(page, lab, disks=[{"name": "data", "size": "1G"}], image="", change="add-disk")
    assert [disk.data.get("name") for disk in answer.context["form"].disks] == ["data", None]
    assert answer.status_code == 200 and "required." not in answer.content.decode()
    disks = [{"name": "one", "size": "1G"}, {"name": "two", "size": "1G"}]
    answer = send(page, lab, disks=disks, change="drop-disk-0")
    assert [disk.data["name"] for disk in answer.context["form"].disks] == ["two"]
    assert not VM.objects.exists()


def test_asked_for_from_a_network_the_form_has_a_nic_there(page, lab):
    assert 'value="net1" selected' in page.get("/vms/run/?network=net1").content.decode()
    assert page.get("/vms/run/?network=default").context["form"].nics == []


def test_several_become_a_wish_each_with_ids_in_sequence(page, lab, pokes, django_capture_on_commit_callbacks):
    disks = [{"name": "data", "size": "1.5G", "bus": "scsi"}]
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(page, lab, nics=[{"network": "net1"}], disks=disks, count="3")
    vms = list(VM.objects.order_by("number"))
    assert answer.url == "/vms/?q=alma-8-"
    assert [(vm.name, vm.number) for vm in vms] == [("alma-8-8", 8), ("alma-8-9", 9), ("alma-8-10", 10)]
    assert [vm.nics.first().mac[-2:] for vm in vms] == ["08", "09", "0a"]
    assert len({nic.mac for vm in vms for nic in vm.nics.all()}) == 6
    assert len({vm.host_key for vm in vms}) == 3
    assert [list(vm.disks.values_list("name", "size", "format", "bus")) for vm in vms] == [
        [("data", 1536, "qcow2", "scsi")]
    ] * 3
    assert pokes == [("vms.tasks.push", vm.pk) for vm in vms]
    assert "Running 3 VMs: alma-8-8 … alma-8-10." in page.get(answer.url).content.decode()


@pytest.mark.parametrize(
    ("name", "count", "names"),
    [
        ("web", "1", ["web"]),
        ("web", "2", ["web-8", "web-9"]),
        ("web-8", "2", ["web-8", "web-9"]),
        ("web-8", "1", ["web-8"]),
        ("web-7", "2", ["web-7-8", "web-7-9"]),
    ],
)
def test_several_are_called_by_their_ids(page, lab, name, count, names):
    send(page, lab, name=name, count=count)
    assert list(VM.objects.order_by("number").values_list("name", flat=True)) == names


def test_of_several_all_are_wished_or_none(page, lab):
    make_vm(lab, "other", 10)
    answer = send(page, lab, count="5")
    assert errors(answer)["number"] == "ID 10 is taken: other has the MAC 52:54:00:00:00:0a."
    said = errors(send(page, lab, number="250", count="20"))["number"]
    assert said.count("has no address in 192.168.122.0/24.") == 3
    assert "So it is with 12 more of the 20 IDs." in said
    make_vm(lab, "alma-8-12", 30)
    assert errors(send(page, lab, number="11", count="3"))["name"] == "There is a VM alma-8-12 on lab-1 already."
    assert set(VM.objects.values_list("name", flat=True)) == {"other", "alma-8-12"}


def test_what_is_one_vms_alone_is_not_given_to_several(page, lab):
    answer = send(page, lab, nics=[{"network": "net1", "mac": "52:54:00:aa:00:01"}], count="2", vnc_port="5999")
    assert "a MAC of its own" in answer.context["form"].nics[0].errors["mac"][0]
    assert "cannot have one port" in errors(answer)["vnc_port"]
    assert not VM.objects.exists()


@pytest.mark.parametrize(
    ("disk", "field", "said"),
    [
        ({"name": "", "size": "1G"}, "name", "required"),
        ({"name": "a/b", "size": "1G"}, "name", "no “/”"),
        ({"name": "cidata", "size": "1G"}, "name", "name the disk otherwise"),
        ({"name": "console", "size": "1G"}, "name", "name the disk otherwise"),
        ({"name": "first", "size": "1G"}, "name", "Disk 1 is called first too."),
        ({"name": "data", "size": ""}, "size", "required"),
        ({"name": "data", "size": "0"}, "size", "at least 1 MiB"),
        ({"name": "data", "size": "100K"}, "size", "at least 1 MiB"),
        ({"name": "data", "size": "-1G"}, "size", "-1G is no size"),
        ({"name": "data", "size": "9" * 12 + "T"}, "size", "at most 1024 TiB"),
        ({"name": "data", "size": "1G", "format": "vmdk"}, "format", "Select a valid choice"),
        ({"name": "data", "size": "1G", "bus": "usb"}, "bus", "Select a valid choice"),
    ],
)
def test_a_bad_disk_is_refused_at_its_row(page, lab, disk, field, said):
    answer = send(page, lab, disks=[{"name": "first", "size": "1G"}, disk])
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].disks[1].errors[field])
    assert not VM.objects.exists()


def test_a_bus_has_room_for_so_many_disks(page, lab):
    disks = [{"name": f"d{number}", "size": "1G", "bus": "ide"} for number in range(5)]
    rows = send(page, lab, disks=disks).context["form"].disks
    assert [bool(row.errors) for row in rows] == [False] * 4 + [True]
    assert rows[4].errors["bus"] == ["There is room for 4 ide disks."]


def test_a_disks_left_over_volume_is_found(page, lab):
    Volume.objects.create(hypervisor=lab, name="virter:work:alma-8-9-data", path="/x")
    answer = send(page, lab, disks=[{"name": "data", "size": "512"}], count="2")
    assert "virter:work:alma-8-9-data left over" in errors(answer)["name"]


def test_what_is_folded_is_wished_too(page, lab):
    data = {"ssh_user": "alma", "wait_ssh": "on", "console_dir": "/var/log/vms/", "vnc_by_id": "on"}
    send(page, lab, **data, vnc_bind="::1", count="2")
    for vm in VM.objects.all():
        assert (vm.ssh_user, vm.wait_ssh, vm.console_log, vm.console_dir) == ("alma", True, False, "/var/log/vms")
        assert (vm.vnc_port, vm.vnc_bind) == (6000 + vm.number, "::1")


def test_a_port_by_an_id_past_the_last_port_is_refused(page):
    hypervisor = make_hypervisor("no-network-yet")
    make_image(hypervisor)
    answer = send(page, hypervisor, number="60000", vnc_by_id="on")
    assert errors(answer) == {"vnc_by_id": "There is no port 66000; the last is 65535."}


def test_user_data_keeps_its_indentation_and_gets_the_line_ends_of_unix(page, lab):
    send(page, lab, user_data="  a: 1\r\n  b: 2\r\n")
    assert VM.objects.get().user_data == "  a: 1\n  b: 2\n"


def preview(page, lab, **fields):
    return page.post("/vms/run/preview/", {"hypervisor": lab.pk, **GOOD, **fields}).context["preview"]


def test_of_several_the_form_shows_the_first_and_the_last(page, lab):
    shown = preview(page, lab, count="10")
    assert shown.names == ("alma-8-8", "alma-8-17")
    assert shown.count == 10
    assert shown.macs == ("52:54:00:00:00:08", "52:54:00:00:00:11")
    assert shown.ips == ("192.168.122.8", "192.168.122.17")
    make_vm(lab, "other", 12)
    make_vm(lab, "alma-8-9", 40)
    shown = preview(page, lab, count="10")
    assert shown.problems == [
        ("ID", "ID 12 is taken: other has the MAC 52:54:00:00:00:0c."),
        ("Name", "There is a VM alma-8-9 on lab-1 already."),
    ]
    assert shown.names == ("alma-8-8", "alma-8-17")


def test_a_half_filled_row_is_not_complained_of_while_it_is_filled_in(page, lab):
    shown = preview(page, lab, disk_name="", disk_size="1X", nic_network="", nic_mac="")
    assert shown.problems == [("Disk 1, Size", "1X is no size; one looks like 512M or 2G.")]


def test_memory_beyond_the_host_is_warned_of_with_figures_and_not_refused(page, lab):
    assert preview(page, lab, memory="999999").warnings == []  # nobody has asked the host yet
    HypervisorStatus.objects.update(memory=16000)
    assert preview(page, lab, memory="4000", count="4").warnings == []
    (said,) = preview(page, lab, memory="4096", count="10").warnings
    assert said == "Memory: 10 × 4096 MiB are 40960 MiB: more than the 16000 MiB of lab-1’s host."
    make_running(make_vm(lab, "other", 9))
    VMStatus.objects.update(memory=15500)
    (said,) = preview(page, lab).warnings
    assert said == (
        "Memory: 1024 MiB, where the running VM has 15500 MiB already: more than the 16000 MiB of lab-1’s host."
    )
    assert send(page, lab).status_code == 302


def test_odd_user_data_is_warned_of_with_the_line_and_not_refused(page, lab):
    (said,) = preview(page, lab, user_data="#cloud-config\r\nhostname: mine").warnings
    assert said.startswith("User data: Line 2 sets hostname")
    assert send(page, lab, user_data="#cloud-config\r\nhostname: mine").status_code == 302


def test_user_data_is_checked_against_cloud_inits_schema_where_there_is_one(page, lab, settings, tmp_path):
    settings.CLOUD_INIT_SCHEMA = str(tmp_path / "schema.json")
    (tmp_path / "schema.json").write_text('{"properties": {"packages": {"type": "array"}}}')
    (said,) = preview(page, lab, user_data="#cloud-config\n\npackages: htop").warnings
    assert said == "User data: Line 3: packages is “htop”, where cloud-init takes a list."
    (tmp_path / "schema.json").unlink()
    assert preview(page, lab, user_data="#cloud-config\n\npackages: htop").warnings == []


def test_what_no_guest_could_take_is_said_while_it_is_typed(page, lab):
    (said,) = preview(page, lab, user_data="#cloud-config\r\na: b: c").problems
    assert said[0] == "User data"
    assert said[1].startswith("Line 2, column 5 is no YAML")


@pytest.mark.parametrize("length", [10**6, 3 * 10**6, 8 * 10**6])
def test_user_data_of_megabytes_is_refused_at_its_field(page, lab, length):
    fields = {"hypervisor": lab.pk, **GOOD}
    body = urlencode(fields) + "&user_data=" + "%0A" * (length // 3)
    answer = page.post("/vms/run/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 422
    assert f"It has {length // 3:,} bytes" in errors(answer)["user_data"]


def test_user_data_that_is_no_utf8_is_refused_at_its_field(page, lab):
    fields = {"hypervisor": lab.pk, **GOOD}
    body = urlencode(fields) + "&user_data=%23!/bin/sh%0A%23%20gr%fcn"
    answer = page.post("/vms/run/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 422
    assert errors(answer)["user_data"] == "Line 2 has bytes that are no UTF-8."


def test_a_null_character_in_user_data_is_refused_at_its_field(page, lab):
    answer = send(page, lab, user_data="#!/bin/sh\n\0")
    assert answer.status_code == 422
    assert "Line 2 has a null byte" in errors(answer)["user_data"]


def test_the_form_shows_what_the_guest_gets_without_its_private_key(page, lab):
    shown = preview(page, lab, nic_network="net1", nic_mac="", user_data="#cloud-config\nbootcmd: [theirs]\n").files
    assert yaml.safe_load(shown["meta-data"]) == {"instance-id": "alma-8-8", "local-hostname": "alma-8-8"}
    theirs, ours = message_from_string(shown["user-data"]).get_payload()
    assert theirs.get_payload() == "#cloud-config\nbootcmd: [theirs]\n"
    assert yaml.safe_load(ours.get_payload())["ssh_keys"]["rsa_private"] == "(the private host key)"
    first, second = yaml.safe_load(shown["network-config"])["ethernets"].values()
    assert first["match"]["macaddress"] == "52:54:00:00:00:08"
    assert second["match"]["macaddress"] == "(MAC of NIC 1)"
    assert not VM.objects.exists()


def test_what_the_guest_gets_is_what_its_iso_then_has(page, lab):
    fields = {"nic_network": "net1", "nic_mac": "52:54:00:80:00:01", "user_data": "#!/bin/sh\necho grün\n"}
    shown = preview(page, lab, **fields).files
    send(page, lab, **fields)
    vm = VM.objects.get()
    written = {name: data.decode() for name, data in seed.files(vm).items()}
    assert shown["network-config"] == written["network-config"]
    vm.host_key, vm.host_key_public = seed.HIDDEN, "(its public half)"
    assert shown == {name: data.decode() for name, data in seed.files(vm).items()}


def test_of_what_cannot_be_run_no_files_are_shown(page, lab):
    assert preview(page, lab, image="").files == {}
    assert preview(page, lab, user_data="#cloud-config\na: b: c").files == {}
    assert preview(page, lab, nic_network="none", nic_mac="").files == {}
    assert preview(page, lab, number="x").files == {}


def test_without_javascript_a_button_shows_what_the_guest_gets(page, lab):
    answer = send(page, lab, change="preview", ssh_keys=f"{SSH_KEY} <mira>")
    assert answer.status_code == 200
    assert f"{SSH_KEY} &lt;mira&gt;" in answer.content.decode().partition("<h3>user-data</h3>")[2]
    assert not VM.objects.exists()


def test_only_operators_name_folders_of_the_host(member_page, client, operator, lab):
    sent = {"hypervisor": lab.pk, "image": "alma-8", "number": "9", "memory": "128", "vcpus": "1", "boot_size": "1"}
    sent |= {"count": "1", "console_dir": "/etc"}
    assert "console_dir" not in member_page.get("/vms/run/?console_dir=/etc").content.decode()
    refused = member_page.post("/vms/run/", sent)
    assert refused.status_code == 422
    assert "Only operators may name a folder" in errors(refused)["console_dir"]
    assert not VM.objects.exists()
    client.force_login(operator)
    assert client.post("/vms/run/", {**sent, "number": "10", "console_dir": "/var/../etc"}).status_code == 422
    assert client.post("/vms/run/", {**sent, "number": "10", "console_dir": "/var/log/vms"}).status_code == 302
    assert VM.objects.get(number=10).console_dir == "/var/log/vms"


ENTRIES_WITHOUT_MAC = {
    "by name": "<host name='kiosk' ip='192.168.122.2'/>",
    "two by name": "<host name='kiosk' ip='192.168.122.2'/><host name='tv' ip='192.168.122.3'/>",
}


@pytest.mark.parametrize("entries", ENTRIES_WITHOUT_MAC.values(), ids=ENTRIES_WITHOUT_MAC)
def test_an_entry_without_a_mac_keeps_its_address_and_nobody_from_running_vms(page, db, pokes, entries):
    hypervisor = make_hypervisor()
    access = make_foreign_network(hypervisor, DEFAULT.replace("</dhcp>", f"{entries}</dhcp>"))
    reserve(access, [HostSpec(name="printer", ip="192.168.122.9")], None)
    make_image(hypervisor)
    assert page.get("/vms/run/").status_code == 200
    assert ids.next_free_id(hypervisor) == 2 + entries.count("<host")
    refused = send(page, hypervisor, number="9")
    assert "the DHCP reservation 192.168.122.9 printer" in errors(refused)["number"]
    assert send(page, hypervisor).status_code == 302


def test_an_ipv6_entry_by_duid_keeps_nobody_from_running_vms(page, db, pokes):
    hypervisor = make_hypervisor()
    block = """<ip family='ipv6' address='fd73::1' prefix='64'><dhcp>
    <host id='00:03:00:01:52:54:00:73:00:05' ip='fd73::5'/></dhcp></ip></network>"""
    make_foreign_network(hypervisor, DEFAULT.replace("</network>", block))
    make_image(hypervisor)
    assert page.get("/vms/run/").status_code == 200
    assert send(page, hypervisor).status_code == 302


def test_the_preview_lists_the_nics_where_each_is_attached(page, lab):
    rows = {f"nic_{key}": ["", "", ""] for key in NICForm.FIELDS}
    rows |= {"nic_network": ["net1", "", ""], "nic_bridge": ["", "br0", ""]}
    shown = page.post("/vms/run/preview/", {"hypervisor": lab.pk, **GOOD, **rows}).content.decode()
    for line in ("1. default (access network)", "2. net1", "3. host bridge br0", "4. no network chosen yet"):
        assert line in shown
