"""A NIC that moves loses the settings that its new network does not support, with a note."""

from dataclasses import replace

import pytest
from lxml import etree

from networks.definition.spec import BandwidthSpec
from tests import DATA
from tests.support.schemas import assert_valid
from tests.vms.definition.nics.nic_documents import domain
from vms.definition import wording
from vms.definition.nics.edit import edit
from vms.definition.nics.fields import move
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.plan import plan
from vms.definition.nics.spec import BRIDGED, FoundNIC, NICSpec
from vms.definition.nics.steps import NotAttachable

DOMAINS = DATA / "domains"
FOUND = {
    f"{path.stem} {number}": nic
    for path in sorted(DOMAINS.glob("*.xml"))
    if path.stem != "many"
    for number, nic in enumerate(parse_domain(path.read_text()))
}
PLACES = {
    "network": {"kind": "network", "source": "plain"},
    "bridge": {"kind": "bridge", "source": "br7"},
    "device": {"kind": "direct", "source": "eth7", "mode": "bridge"},
    "user": {"kind": "user", "source": ""},
}
BELONGS_TO_PLACE = {"virtualport", "script", "downscript", "backenddomain", "ip", "route", "portForward"}


@pytest.fixture(params=FOUND)
def nic(request) -> FoundNIC:
    return FOUND[request.param]


@pytest.mark.parametrize("to", PLACES)
def test_settings_of_the_old_network_are_removed_when_a_nic_moves(nic, to):
    wanted = move(nic.spec, replace(nic.spec, port_group="", **PLACES[to]))
    if (wanted.kind, wanted.source) == (nic.kind, nic.source):
        return
    root = etree.fromstring(edit(nic.document, wanted))
    tags = {each.tag for each in root}
    assert root.get("type") == PLACES[to]["kind"]
    assert not tags & BELONGS_TO_PLACE
    assert root.find("vlan") is None
    assert not root.xpath("bandwidth/inbound[@floor] | driver[@name='vfio'] | teaming[@type='transient']")
    assert root.get("managed") is None
    assert root.find("target") is None or nic.kind in BRIDGED
    if wanted.kind not in BRIDGED:
        assert not tags & {"filterref", "port", "mtu", "coalesce"}
    if wanted.kind == "user":
        assert root.find("bandwidth") is None
    assert root.get("trustGuestRxFilters") is None or wanted.kind in ("network", "direct")
    assert_valid("domain", domain(etree.tostring(root, encoding="unicode")))


def test_a_repeated_request_is_included():
    now = NICSpec(kind="network", source="a", mac="52:54:00:00:00:08", vlan=7, inbound=BandwidthSpec(floor=3))
    assert move(now, replace(now, source="b")) == replace(now, source="b", vlan=None, inbound=None)
    new = BandwidthSpec(average=5, floor=3)
    wanted = replace(now, source="b", vlan=8, inbound=new)
    assert move(now, wanted) == wanted
    assert move(now, replace(now, link_up=False)) == replace(now, link_up=False)


def test_the_plan_says_that_a_virtual_port_is_left_behind():
    nic = FOUND["ovs 0"]
    wanted = move(nic.spec, replace(nic.spec, kind="network", source="plain"))
    (step,) = plan(wanted, None, nic, False).steps
    assert wording.NOTES["virtual port"] in step.note
    assert wording.NOTES["virtual port"] not in plan(replace(nic.spec, link_up=False), None, nic, False).steps[0].note


def test_a_nic_of_a_kind_without_a_form_is_described():
    words = {wording.place(nic.kind, nic.source) for nic in FOUND.values() if nic.kind in wording.KINDS}
    assert {"tap tap-own", "host device 0000:3b:02.1", "vhost-user socket /run/switch/port7"} <= words
    assert {"multicast group 230.0.0.7:5558", "UDP tunnel 127.0.0.1:5561", "vDPA device /dev/vhost-vdpa-0"} <= words


def test_a_nic_of_an_unknown_kind_is_not_attached_again():
    for nic in (each for each in FOUND.values() if each.kind in wording.KINDS):
        for running in (True, False):
            with pytest.raises(NotAttachable, match=nic.kind):
                plan(nic.spec, None, None, running)
