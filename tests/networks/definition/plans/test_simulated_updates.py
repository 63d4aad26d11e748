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
class Played:
    """A network in a libvirt that is played: so strict as the real one in what it takes for an update."""

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


# By what libvirt tells entries apart.
TELLING = {
    "ip-dhcp-host": ("mac", "name", "ip"),
    "ip-dhcp-range": ("start", "end"),
    "forward-interface": ("dev",),
    "portgroup": ("name",),
    "dns-host": ("ip",),
}


def updated(document: str, update: Update) -> str:
    """The document after one virNetworkUpdate."""
    root, entry = etree.fromstring(document), etree.fromstring(update.xml)
    parent = _parent(root, update)
    there, telling = parent.findall(entry.tag), TELLING[update.section]
    match update.command:
        case Command.ADD:
            enough = all if update.section == "ip-dhcp-range" else any
            assert not [each for each in there if enough(_alike(entry, each, telling))], "there is one like it"
            parent.append(entry)
        case Command.MODIFY:  # the first that has the MAC or the name
            parent.replace(next(each for each in there if any(_alike(entry, each, ("mac", "name")))), entry)
        case Command.DELETE:
            names = set(entry.xpath("hostname/text()"))
            found = [
                each
                for each in there
                if all(_alike(entry, each, telling)) or names & set(each.xpath("hostname/text()"))
            ]
            assert len(found) == 1, "none or several are like it"
            parent.remove(found[0])
    if parent.tag == "dhcp" and parent.find("range") is None and parent.find("host") is None:
        etree.strip_elements(parent, "bootp")  # libvirt forgets it
    assert len(parent.findall("portgroup[@default='yes']")) < 2, "two defaults"
    return etree.tostring(root, encoding="unicode")


def _alike(entry: etree._Element, other: etree._Element, names: tuple[str, ...]) -> list[bool]:
    """For each of these attributes that an entry has, whether the other's is the same."""
    return [entry.get(name) == other.get(name) for name in names if entry.get(name)]


def _parent(root: etree._Element, update: Update) -> etree._Element:
    """Where a section's entries are; what is missing of it is made."""
    if update.section.startswith("ip-dhcp"):
        assert update.index >= 0
        parent, tag = root.findall("ip")[update.index], "dhcp"
    else:
        assert update.index == -1
        parent, tag = root, {"forward-interface": "forward", "portgroup": "", "dns-host": "dns"}[update.section]
    if not tag:
        return parent
    device = root.find(tag).attrib.pop("dev", None) if tag == "forward" else None
    if device and not root.findall("forward/interface"):  # libvirt makes the one of the other
        etree.SubElement(root.find(tag), "interface", dev=device)
    return parent.find(tag) if parent.find(tag) is not None else etree.SubElement(parent, tag)


def carry_out(desired: NetworkSpec, stored: NetworkSpec, live: NetworkSpec, active: bool) -> None:
    """Plan and carry out: once is enough. What is only kept need not be live."""
    desired, stored, live = (build(replace(spec, name="net1")) for spec in (desired, stored, live))
    played = Played(stored, live)
    for step in plan(wanted(desired, active=active), found(stored, live=live, active=active)):
        played.run(step)
    assert differences(desired, played.stored) == ()
    left = {str(one.field) for one in differences(desired, played.live)} if active else set()
    assert left <= {"Title", "Description"}
    assert plan(wanted(desired, active=active), found(played.stored, live=played.live, active=active)) == ()


@settings(max_examples=examples(75), deadline=None)
@given(specs(), specs(), specs(), st.booleans())
def test_a_plan_carried_out_gives_what_is_wanted(desired, stored, live, active):
    carry_out(desired, stored, live, active)


@settings(max_examples=examples(100), deadline=None)
@given(specs().flatmap(three_of), st.booleans())
def test_lists_changed_live_give_what_is_wanted(three, active):
    carry_out(*three, active)
