"""Plans for generated networks give the desired definition in a simulated libvirt."""

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.definition.document.compare import differences
from networks.definition.document.edit import build
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Command, Step, Update, Verb
from networks.definition.spec import NetworkSpec
from tests.networks.definition.plans.plan_examples import found, three_of, wanted
from tests.support.examples import examples
from tests.support.specs import specs


@dataclass
class SimulatedLibvirt:
    """A network in a simulated libvirt that refuses the same updates as the real one."""

    stored: str
    live: str

    def run(self, step: Step) -> None:
        if step.verb is Verb.DEFINE:
            self.stored = step.xml
        elif step.verb in (Verb.RESTART, Verb.START):
            self.live = self.stored
        elif step.verb is Verb.UPDATE:
            assert step.update.live or step.update.stored
            self.stored = updated(self.stored, step.update) if step.update.stored else self.stored
            self.live = updated(self.live, step.update) if step.update.live else self.live


# The attributes by which libvirt distinguishes entries.
IDENTIFYING_ATTRIBUTES = {
    "ip-dhcp-host": ("mac", "name", "ip"),
    "ip-dhcp-range": ("start", "end"),
    "forward-interface": ("dev",),
    "portgroup": ("name",),
    "dns-host": ("ip",),
}


def updated(document: str, update: Update) -> str:
    """Return the document after one virNetworkUpdate."""
    root, entry = etree.fromstring(document), etree.fromstring(update.xml)
    parent = _parent(root, update)
    there, identifying = parent.findall(entry.tag), IDENTIFYING_ATTRIBUTES[update.section]
    match update.command:
        case Command.ADD:
            enough = all if update.section == "ip-dhcp-range" else any
            assert not [each for each in there if enough(_alike(entry, each, identifying))], "the entry exists already"
            parent.append(entry)
        case Command.MODIFY:  # the first that has the MAC or the name
            parent.replace(next(each for each in there if any(_alike(entry, each, ("mac", "name")))), entry)
        case Command.DELETE:
            names = set(entry.xpath("hostname/text()"))
            found = [
                each
                for each in there
                if all(_alike(entry, each, identifying)) or names & set(each.xpath("hostname/text()"))
            ]
            assert len(found) == 1, "no entry or several entries match"
            parent.remove(found[0])
    if parent.tag == "dhcp" and parent.find("range") is None and parent.find("host") is None:
        etree.strip_elements(parent, "bootp")  # libvirt deletes it as well
    assert len(parent.findall("portgroup[@default='yes']")) < 2, "two defaults"
    return etree.tostring(root, encoding="unicode")


def _alike(entry: etree._Element, other: etree._Element, names: tuple[str, ...]) -> list[bool]:
    """Return for each of these attributes that an entry has whether the other has the same value."""
    return [entry.get(name) == other.get(name) for name in names if entry.get(name)]


def _parent(root: etree._Element, update: Update) -> etree._Element:
    """Return the parent element of a section's entries. Create it if it is missing."""
    if update.section.startswith("ip-dhcp"):
        assert update.index >= 0
        parent, tag = root.findall("ip")[update.index], "dhcp"
    else:
        assert update.index == -1
        parent, tag = root, {"forward-interface": "forward", "portgroup": "", "dns-host": "dns"}[update.section]
    if not tag:
        return parent
    device = root.find(tag).attrib.pop("dev", None) if tag == "forward" else None
    if device and not root.findall("forward/interface"):  # libvirt converts the attribute into an element
        etree.SubElement(root.find(tag), "interface", dev=device)
    return parent.find(tag) if parent.find(tag) is not None else etree.SubElement(parent, tag)


def carry_out(desired: NetworkSpec, stored: NetworkSpec, live: NetworkSpec, active: bool) -> None:
    """Carry out a plan and assert that nothing is left, except a title and description that are not live."""
    desired, stored, live = (build(replace(spec, name="net1")) for spec in (desired, stored, live))
    simulated = SimulatedLibvirt(stored, live)
    for step in plan(wanted(desired, active=active), found(stored, live=live, active=active)):
        simulated.run(step)
    assert differences(desired, simulated.stored) == ()
    left = {str(one.field) for one in differences(desired, simulated.live)} if active else set()
    assert left <= {"Title", "Description"}
    assert plan(wanted(desired, active=active), found(simulated.stored, live=simulated.live, active=active)) == ()


@settings(max_examples=examples(75), deadline=None)
@given(specs(), specs(), specs(), st.booleans())
def test_carrying_out_a_plan_results_in_the_desired_definition(desired, stored, live, active):
    carry_out(desired, stored, live, active)


@settings(max_examples=examples(100), deadline=None)
@given(specs().flatmap(three_of), st.booleans())
def test_live_updates_of_lists_result_in_the_desired_definition(three, active):
    carry_out(*three, active)
