"""The form that changes a NIC: it gives back what it was given, and says at its field what is wrong."""

import pytest

from networks.definition.spec import BandwidthSpec
from tests.support.making import make_hypervisor, make_network, make_vm
from vms.definition.nics.edit import build
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.spec import NICSpec
from vms.models import VM
from vms.nics.form import NICChangeForm

MAC = "52:54:00:00:00:08"


def nic(kind: str = "network", source: str = "net1", **values) -> NICSpec:
    return NICSpec(kind=kind, source=source, mac=MAC, **values)


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_network(hypervisor)
    make_network(hypervisor, "net2", "10.254.0.1/24")
    make_network(make_hypervisor("lab-2"), "elsewhere")
    return hypervisor


def vm_on(lab) -> VM:
    return VM.objects.filter(hypervisor=lab).first() or make_vm(lab)


def as_shown(lab, now: NICSpec) -> dict[str, str]:
    """Return what a browser sends for the form without input."""
    form = NICChangeForm(vm=vm_on(lab), now=now, user=None)
    values = {field.name: field.value() for field in form}
    sent = {name: value for name, value in values.items() if value is not None and value is not False}
    return {name: "on" if value is True else str(value) for name, value in sent.items()}


def filled(lab, now: NICSpec | None = None, **fields: object) -> NICChangeForm:
    """Return the form of a NIC with some changed fields; None clears a check box."""
    now = now or nic()
    data = {name: value for name, value in {**as_shown(lab, now), **fields}.items() if value is not None}
    return NICChangeForm(data, vm=vm_on(lab), now=now, user=None)


def wanted(lab, now: NICSpec | None = None, **fields: object) -> NICSpec:
    form = filled(lab, now, **fields)
    assert form.is_valid(), form.errors
    return form.wanted


SPECS = {
    "plain": nic(),
    "bridge": nic("bridge", "br0", model="e1000e"),
    "macvtap": nic("direct", "eth0", mode="passthrough", vlan=42, trust_rx_filters=True),
    "user": nic("user", ""),
    "other-model": nic(model="virtio-transitional"),
    "model-left-to-libvirt": nic(model=""),
    "link-down": nic(link_up=False),
    "tag-0": nic("bridge", "ovsbr0", vlan=0),
    "floor-alone": nic(inbound=BandwidthSpec(floor=200)),
    "network-that-is-gone": nic(source="gone"),
    "hostile-name": nic(source="<a> & 'b'"),
    "everything": nic(
        port_group="red",
        mtu=1400,
        link_up=False,
        inbound=BandwidthSpec(average=1000, peak=5000, burst=1024, floor=7),
        outbound=BandwidthSpec(average=128, burst=8),
        vlan=42,
        isolated=True,
        trust_rx_filters=True,
        filter="clean-traffic",
        filter_parameters=(("IP", "10.0.0.1"), ("IP", "10.0.0.2"), ("EQ", "a=b")),
        boot_order=3,
        queues=2,
        alias="ua-all",
        pci="0000:02:05.0",
    ),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_form_of_a_nic_gives_the_nic_back(lab, name):
    assert wanted(lab, SPECS[name]) == SPECS[name]


@pytest.mark.parametrize("name", SPECS)
def test_every_field_is_shown_once(lab, name):
    form = NICChangeForm(vm=vm_on(lab), now=SPECS[name], user=None)
    shown = [field.name for fields in (form.in_view, *(fold.fields for fold in form.folds)) for field in fields]
    assert sorted(shown) == sorted(form.fields)


def test_the_folds_say_what_they_hold(lab):
    form = NICChangeForm(vm=vm_on(lab), now=SPECS["everything"], user=None)
    held = {fold.title: fold.held for fold in form.folds}
    assert held["Instead of a network"] == ""  # nothing but the mode that a macvtap would have
    assert "VLAN tag 42" in held["On the network"]
    assert "bandwidth in 1000,5000,1024,7" in held["Bandwidth"]
    assert held["In the guest"] == ""
    held = {fold.title: fold.held for fold in NICChangeForm(vm=vm_on(lab), now=SPECS["tag-0"], user=None).folds}
    assert held["Instead of a network"] == "host bridge ovsbr0"
    assert held["On the network"] == "VLAN tag 0"
    assert form.folds[1].names.startswith("port group, isolated from other isolated ports, network filter,")


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({"network": "net2"}, {"source": "net2"}),
        ({"network": "", "bridge": "br0"}, {"kind": "bridge", "source": "br0"}),
        (
            {"network": "", "device": "eth0", "mode": "vepa"},
            {"kind": "direct", "source": "eth0", "mode": "vepa"},
        ),
        ({"mode": "vepa"}, {}),  # which only macvtap has
        ({"link_up": None}, {"link_up": False}),
        ({"model": "rtl8139"}, {"model": "rtl8139"}),
        ({"port_group": " red "}, {"port_group": "red"}),
        ({"vlan": "0"}, {"vlan": 0}),
        ({"mtu": "1300"}, {"mtu": 1300}),
        ({"inbound": "1000, 5000"}, {"inbound": BandwidthSpec(average=1000, peak=5000)}),
        ({"outbound": "1000,,8"}, {"outbound": BandwidthSpec(average=1000, burst=8)}),
        ({"isolated": "on"}, {"isolated": True}),
        ({"trust_rx_filters": "on"}, {"trust_rx_filters": True}),
        ({"queues": "4", "boot_order": "1"}, {"queues": 4, "boot_order": 1}),
        (
            {"filter": "clean-traffic", "filter_parameters": "IP=10.0.0.1   IP=10.0.0.2"},
            {"filter": "clean-traffic", "filter_parameters": (("IP", "10.0.0.1"), ("IP", "10.0.0.2"))},
        ),
    ],
)
def test_only_typed_values_are_desired(lab, fields, changes):
    values = {"kind": "network", "source": "net1"} | changes
    assert wanted(lab, **fields) == nic(**values)


def test_a_nic_of_user_networking_stays_or_moves_to_a_network(lab):
    assert wanted(lab, nic("user", ""), model="e1000").kind == "user"
    assert wanted(lab, nic("user", ""), network="net1") == nic()


def test_all_settings_of_a_nic_can_be_reset(lab):
    empty = ("port_group", "filter", "filter_parameters", "vlan", "mtu", "inbound", "outbound", "queues", "boot_order")
    ticks = {"link_up": "on", "isolated": None, "trust_rx_filters": None}
    found = wanted(lab, SPECS["everything"], **dict.fromkeys(empty, ""), **ticks)
    assert found == nic(alias="ua-all", pci="0000:02:05.0")


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"network": ""}, "network", "Choose either a network, a bridge of the host or a device of the host."),
        ({"bridge": "br0"}, "network", "Choose either a network"),
        ({"device": "eth0"}, "network", "Choose either a network"),
        ({"network": "", "bridge": "br0", "device": "eth0"}, "network", "Choose either a network"),
        ({"network": "elsewhere"}, "network", "elsewhere"),
        ({"network": "", "bridge": "a bridge"}, "bridge", "letters, digits"),
        ({"network": "", "bridge": "b" * 16}, "bridge", "15 bytes"),
        ({"network": "", "device": "../eth0"}, "device", "is not a valid device name"),
        ({"network": "", "device": "eth0", "mode": "open"}, "mode", "open"),
        ({"network": "", "device": "eth0", "mtu": "1400"}, "mtu", "macvtap always uses the MTU of its device."),
        ({"network": "", "bridge": "br0", "port_group": "red"}, "port_group", "Only networks have port groups."),
        ({"model": "ne2k"}, "model", "ne2k"),
        ({"vlan": "4096"}, "vlan", "4095"),
        ({"vlan": "-1"}, "vlan", "0"),
        ({"vlan": "1,2"}, "vlan", "whole number"),
        ({"mtu": "67"}, "mtu", "at least 68"),
        ({"mtu": "65536"}, "mtu", "at most 65535"),
        ({"queues": "0"}, "queues", "1"),
        ({"boot_order": "0"}, "boot_order", "1"),
        ({"inbound": "fast"}, "inbound", "average,peak,burst"),
        ({"outbound": ",5000"}, "outbound", "enter the average first"),
        ({"filter_parameters": "IP=10.0.0.1"}, "filter", "Choose the filter that these parameters are for."),
        ({"filter": "f", "filter_parameters": "IP"}, "filter_parameters", "IP=10.255.0.8"),
        ({"filter": "f", "filter_parameters": "IP= 10.0.0.1"}, "filter_parameters", "IP=10.255.0.8"),
        ({"filter": "f", "filter_parameters": "=10.0.0.1"}, "filter_parameters", "IP=10.255.0.8"),
    ],
)
def test_errors_are_shown_at_their_fields(lab, fields, field, said):
    form = filled(lab, **fields)
    assert not form.is_valid()
    assert list(form.errors) == [field]
    assert said in " ".join(form.errors[field])


TEXTS = ("network", "bridge", "device", "mode", "model", "port_group", "filter", "filter_parameters", "inbound", "vlan")
HOSTILE = ("\x00", "a\x01b", "a=\x1b", "\ufffe", "a\nb=c\x07", "x" * 1000, "'\"/><script>alert(1)</script>=1", "‮=‮")


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_is_refused_or_comes_back_out_of_the_xml(lab, field, text):
    also = {"filter": "f"} if field == "filter_parameters" else {}
    form = filled(lab, **{field: text, **also})
    if not form.is_valid():
        assert field in form.errors or "network" in form.errors  # bridge and device beside a network
        return
    (found,) = parse_domain(f"<domain><devices>{build(form.wanted)}</devices></domain>")
    assert found.spec == form.wanted
