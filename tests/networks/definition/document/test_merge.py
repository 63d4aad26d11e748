"""Only the changes between two definitions are applied to the definition in libvirt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks.definition.document.compare import differences
from networks.definition.document.edit import build
from networks.definition.document.leaves import Leaf, leaves
from networks.definition.document.merge import SAME_BY, apply_change, left_out
from tests import DATA
from tests.support.examples import examples
from tests.support.schemas import assert_valid
from tests.support.specs import specs

FOLDER = DATA / "networks"
DOCUMENTS = [path.read_text() for path in sorted(FOLDER.rglob("*.xml"))]
documents = st.sampled_from(DOCUMENTS) | specs().map(build)


def network(inner: str = "", host: str = "", block: str = "10.0.0.1") -> str:
    dhcp = f"<dhcp><range start='10.0.0.2' end='10.0.0.9'/>{host}</dhcp>"
    return f"<network><name>net1</name>{inner}<ip address='{block}' netmask='255.255.255.0'>{dhcp}</ip></network>"


A, B = "<host mac='52:54:00:00:00:0a' ip='10.0.0.5'/>", "<host mac='52:54:00:00:00:0b' ip='10.0.0.6'/>"
B_NAMED = "<host mac='52:54:00:00:00:0b' name='b' ip='10.0.0.6'/>"
RED, BLUE = "<portgroup name='red'/>", "<portgroup name='blue'/>"

# base, wanted, found: what comes of it
MERGES = {
    "an entry beside another's": (network(), network(host=A), network(host=B), network(host=B + A)),
    "an entry beside another's domain": (
        *(network(), network(host=A), network("<domain name='x'/>")),
        network("<domain name='x'/>", A),
    ),
    "what others took away stays away": (network(host=A), network(host=A + B), network(), network(host=B)),
    "what is taken away goes, whatever others named it": (
        *(network(host=B), network(), network(host=B_NAMED + A)),
        network(host=A),
    ),
    "an entry takes the place of its guest's": (
        *(network(host=B), network(host=B_NAMED), network(host=B.replace(".6", ".7"))),
        network(host=B_NAMED),
    ),
    "an entry that is there already": (network(), network(host=A), network(host=A), network(host=A)),
    "a field that both changed to the desired value": (
        *(network(), network("<mtu size='9000'/>"), network("<mtu size='1400'/>")),
        network("<mtu size='9000'/>"),
    ),
    "a field that is taken away goes, whatever others made of it": (
        *(network("<domain name='x'/>"), network(), network("<domain name='y' localOnly='yes'/>")),
        network(),
    ),
    "a port group beside another's": (network(), network(RED), network(BLUE), network(BLUE + RED)),
    "a route instead of nat": (
        *(network("<forward mode='nat'/>"), network("<forward mode='route'/>")),
        *(network("<forward mode='nat'/><mtu size='9'/>"), network("<forward mode='route'/><mtu size='9'/>")),
    ),
    "isolated beside another's MTU": (
        *(network("<forward mode='nat'><nat><port start='1' end='2'/></nat></forward>"), network()),
        *(network("<forward mode='nat'><nat><port start='1' end='2'/></nat></forward><mtu size='9'/>"),),
        network("<mtu size='9'/>"),
    ),
    "a title": (network(), network("<title>T</title>"), network(host=A), network("<title>T</title>", A)),
    "another block": (
        *(network("<mtu size='8'/>"), network("<mtu size='8'/>", block="10.0.0.2")),
        *(network("<mtu size='9'/>"), network("<mtu size='9'/>", block="10.0.0.2")),
    ),
    "an entry in a block that others took away is left out": (
        *(network(), network(host=A), "<network><name>net1</name></network>"),
        "<network><name>net1</name></network>",
    ),
}


@pytest.mark.parametrize("case", MERGES)
def test_a_change_is_applied_and_changes_outside_are_kept(case):
    base, wanted, found, merged = MERGES[case]
    assert differences(merged, apply_change(base, wanted, found)) == ()


def test_a_reservation_without_its_block_is_reported():
    lost = left_out(network(host=A), "<network><name>net1</name></network>")
    assert Leaf(path="ip dhcp host", value="52:54:00:00:00:0a 10.0.0.5", block="10.0.0.1/24") in set(lost)
    assert not list(left_out(network(host=A), network()))


@settings(max_examples=examples(150), deadline=None)
@given(documents, documents)
def test_a_change_applied_to_its_base_gives_the_desired_document(base, wanted):
    assert [str(one) for one in differences(wanted, apply_change(base, wanted, base))] == []


@settings(max_examples=examples(100), deadline=None)
@given(documents, documents)
def test_no_change_leaves_what_was_found_byte_for_byte(base, found):
    assert apply_change(base, base, found) == found


@settings(max_examples=examples(200), deadline=None)
@given(documents, documents, documents)
def test_applying_a_change_modifies_only_the_changed_elements(base, wanted, found):
    before, after = leaves(found), leaves(apply_change(base, wanted, found))
    touched = set(leaves(wanted)) ^ set(leaves(base))
    fields = {(leaf.path.split()[0], leaf.block) for leaf in touched if leaf.path not in SAME_BY}
    blocks = {leaf.block for leaf in touched if leaf.path == "ip"}
    for leaf in set(before) ^ set(after):
        one_of_list = any(
            other.path == leaf.path and _alike(leaf, other, before, after, wanted, base) for other in touched
        )
        assert one_of_list or leaf.block in blocks - {""} or (leaf.path.split()[0], leaf.block) in fields, leaf


def _alike(leaf: Leaf, other: Leaf, *sides: object) -> bool:
    """Whether a change of `other` may touch `leaf`: it is the same entry, or shares what tells entries apart."""
    if leaf == other:
        return True
    known = [leaves(side) if isinstance(side, str) else side for side in sides]
    a, b = (next(side[each] for side in known if each in side) for each in (leaf, other))
    return any(all(a.get(name) == b.get(name) for name in names) for names in SAME_BY.get(leaf.path, ()))


@settings(max_examples=examples(100), deadline=None)
@given(specs(described=False), specs(described=False))
def test_a_merged_document_is_valid(base, wanted):
    assert_valid("network", apply_change(build(base), build(wanted), build(base)))


def test_unchanged_elements_keep_their_spelling():
    found = """<network><name>net1</name><forward dev='eth0' mode='nat'><nat><port start='1024' end='65535'/></nat>
    <interface dev='eth0'/></forward><bridge name='virbr1' stp='on' delay='0'/><domain name='a' localOnly='no'/>
    <ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' end='10.0.0.9'/>
    <host mac='52:54:00:AA:BB:0C' ip='10.0.0.5'><lease expiry='3' unit='hours'/></host></dhcp></ip></network>"""
    base = found.replace("stp='on' ", "")
    wanted = base.replace("</name>", "</name><title>T</title>")
    applied = apply_change(base, wanted, found)
    assert applied.replace("<title>T</title>", "") == apply_change(base, base, found).replace("'", '"')


def test_one_of_several_reservations_of_an_address_is_added_and_removed():
    one, other = "<host mac='52:54:00:00:00:05' ip='10.0.0.5'/>", "<host mac='52:54:00:00:00:06' ip='10.0.0.5'/>"
    alone, both = (
        f"<network><name>n</name><ip address='10.0.0.1' netmask='255.255.255.0'><dhcp>{hosts}</dhcp></ip></network>"
        for hosts in (one, one + other)
    )
    assert list(differences(both, apply_change(alone, both, alone))) == []
    assert list(differences(alone, apply_change(both, alone, both))) == []
