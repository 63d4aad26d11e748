"""The NICs of a new VM."""

import pytest
from lxml import html

from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations.reservations import reserve
from tests.vms.run.form.run_form import GOOD, send
from vms.cloud_init import seed
from vms.models import VM
from vms.nics.new_nic_form import NICForm


@pytest.mark.parametrize(
    ("nic", "field", "said"),
    [
        ({}, "network", "Choose either a network, a bridge"),
        ({"network": "net1", "bridge": "br0"}, "network", "Choose either"),
        ({"network": "nowhere"}, "network", "This hypervisor has no network nowhere."),
        ({"bridge": "b" * 16}, "bridge", "15 bytes"),
        ({"network": "net1", "mac": "01:00:5e:00:00:01"}, "mac", "multicast"),
        ({"network": "net1", "mac": "52:54:00"}, "mac", "This is not a MAC address"),
        ({"network": "net1", "model": "ne2000"}, "model", "Select a valid choice"),
    ],
)
def test_an_invalid_nic_is_refused_at_its_row(page, lab, nic, field, said):
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
    assert third.errors["mac"] == ["NIC 1 has the same MAC."]
    assert not VM.objects.exists()


STATIC = {"network": "net1", "guest": "static", "guest_addresses": "10.255.0.9/24"}
OUT = {"network": "default", "default_route": "yes"}


@pytest.mark.parametrize(
    ("nics", "fields", "field", "said"),
    [
        (
            [OUT, {"network": "net1"}, OUT],
            {},
            "default_route",
            "NIC 1 already has it. Two default routes need different metrics.",
        ),
        ([STATIC, {}, STATIC], {}, "guest_addresses", "NIC 1 also has 10.255.0.9/24."),
        ([STATIC], {"count": "2"}, "guest_addresses", "Several VMs cannot share an address."),
        ([STATIC | {"guest_addresses": "10.1.0.9/24"}], {}, "guest_addresses", "10.1.0.9 is outside 10.255.0.0/24"),
        ([STATIC | {"guest_addresses": "10.255.0.7/24"}], {}, "guest_addresses", "10.255.0.7 is reserved for"),
        ([STATIC | {"gateway": "10.1.0.1"}], {}, "gateway", "10.1.0.1 is outside the block of the address"),
        ([STATIC | {"dns": "x"}], {}, "dns", "x is not an IP address."),
        ([{"network": "net1", "default_route": "yes"}], {}, "default_route", "net1 is isolated"),
        ([STATIC | {"guest": "by chance"}], {}, "guest", "Select a valid choice."),
    ],
)
def test_an_invalid_guest_network_configuration_is_refused_at_its_row(page, lab, nics, fields, field, said):
    net1 = Network.objects.get(name="net1")
    reserve(net1, [HostSpec(mac="52:54:00:00:00:07", ip="10.255.0.7")], None)
    answer = send(page, lab, nics=[nic or {"network": "net1"} for nic in nics], **fields)
    assert answer.status_code == 422 and not VM.objects.exists()
    assert said in " ".join(answer.context["form"].nics[-1].errors[field])


def test_several_default_routes_are_ranked_by_metric(page, lab):
    assert send(page, lab, nics=[OUT, OUT | {"metric": "300"}]).status_code == 302
    guests = seed.wanted(VM.objects.get())
    assert [(4 in guest.default_route, guest.metric) for guest in guests] == [(False, None), (True, None), (True, 300)]


def test_nic_rows_are_added_and_removed_without_errors(page, lab):
    answer = send(page, lab, nics=[{"network": "net1"}], image="", change="add-nic")
    assert [nic.data.get("network") for nic in answer.context["form"].nics] == ["net1", None]
    assert answer.status_code == 200 and "required." not in answer.content.decode()
    answer = send(page, lab, nics=[{"network": "net1"}, {"bridge": "br0"}], change="drop-nic-0")
    assert [nic.data["bridge"] for nic in answer.context["form"].nics] == ["br0"]
    assert not VM.objects.exists()


@pytest.mark.parametrize("index", ["7", "9" * 5000, "x", "-1"])
def test_a_row_that_does_not_exist_is_not_removed(page, lab, index):
    answer = send(page, lab, nics=[{"network": "net1"}], change=f"drop-nic-{index}")
    assert [nic.data.get("network") for nic in answer.context["form"].nics] == ["net1"]


def test_a_form_opened_from_a_network_has_a_nic_on_it(page, lab):
    assert 'value="net1" selected' in page.get("/vms/run/?network=net1").content.decode()
    assert page.get("/vms/run/?network=default").context["form"].nics == []


def test_the_preview_lists_each_nic_with_its_network(page, lab):
    rows = {f"nic_{key}": ["", "", ""] for key in NICForm.FIELDS}
    rows |= {"nic_network": ["net1", "", ""], "nic_bridge": ["", "br0", ""]}
    shown = page.post("/vms/run/preview/", {"hypervisor": lab.pk, **GOOD, **rows}).content.decode()
    for line in ("1. default (access network)", "2. net1", "3. host bridge br0", "4. no network chosen yet"):
        assert line in shown


def test_the_first_row_shows_the_access_nic_with_what_the_id_decides(page, lab):
    first = row_of_access_nic(page.get("/vms/run/", {"number": "7"}))
    assert first == ["default", "virtio", "52:54:00:00:00:02", "192.168.122.2"]  # the next free ID
    shown = page.post("/vms/run/preview/", {"hypervisor": lab.pk, "number": "8", "count": "2"})
    several = ["default", "virtio", "52:54:00:00:00:08 … 52:54:00:00:00:09", "192.168.122.8 … 192.168.122.9"]
    assert row_of_access_nic(shown) == several
    assert b'id="access-nic" role="group" aria-label="Access NIC" hx-swap-oob="outerHTML"' in shown.content
    shown = page.post("/vms/run/preview/", {"hypervisor": lab.pk, "number": "x"})
    assert row_of_access_nic(shown)[2:] == ["determined by the ID"] * 2


def test_the_row_of_the_access_nic_of_a_template_has_no_address_yet(page, lab):
    assert row_of_access_nic(page.get("/vms/templates/add/"))[2:] == ["determined by the ID"] * 2


def row_of_access_nic(answer) -> list[str]:
    shown = html.fragment_fromstring(answer.content.decode(), create_parent=True)
    (row,) = shown.xpath(".//*[@id='access-nic']")
    assert not row.xpath(".//input|.//select|.//button")
    return [value.text_content().strip() for value in row.xpath(".//*[contains(@class, 'value')]")]
