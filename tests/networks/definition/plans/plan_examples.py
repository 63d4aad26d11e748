"""Networks, desired and found states, and changes that several tests of plans use."""

from dataclasses import replace

from hypothesis import strategies as st

from networks.definition.document.edit import build
from networks.definition.plans.steps import Found, Step, Verb, Wanted
from networks.definition.spec import DNSHostSpec, HostSpec, NetworkSpec, PortGroupSpec, RangeSpec, SubnetSpec
from tests.support.specs import UUID, dns_hosts, groups_with_one_default, subnets

FIRST = HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")
SECOND = HostSpec(mac="52:54:00:00:00:09", ip="10.255.0.9")
RANGE = RangeSpec(start="10.255.0.2", end="10.255.0.254")
VMS = ("alma-8-8", "alma-8-9")


def net(*hosts: HostSpec, **values) -> NetworkSpec:
    subnet = SubnetSpec(address="10.255.0.1", prefix=24, ranges=(RANGE,), hosts=hosts)
    return NetworkSpec(name="net1", uuid=UUID, **{"subnets": (subnet,), **values})


def wanted(spec: NetworkSpec | str, active: bool = True, autostart: bool = True) -> Wanted:
    return Wanted(document=spec if isinstance(spec, str) else build(spec), active=active, autostart=autostart)


def found(
    stored: NetworkSpec | str, live: NetworkSpec | str | None = None, active: bool = True, **values: object
) -> Found:
    """Return what libvirt has: by default a network that runs as stored, with two VMs."""
    stored, live = (each if isinstance(each, str) else build(each) for each in (stored, live or stored))
    defaults = {"autostart": True, "attached": VMS if active else ()}
    return Found(document=stored, live=live if active else "", active=active, **{**defaults, **values})


def verbs(steps: tuple[Step, ...]) -> list[Verb]:
    return [step.verb for step in steps]


def calls(steps: tuple[Step, ...]) -> list[str]:
    """Return the command and section of each update."""
    return [f"{step.update.command.value} {step.update.section}" for step in steps]


RESTARTED = [Verb.DEFINE, Verb.RESTART, Verb.RECONNECT]


def xml(spec: NetworkSpec, old: str, new: str) -> str:
    """Return the document of the spec with an element that the portal does not model."""
    document = build(spec)
    assert old in document
    return document.replace(old, new)


RICH = net(
    forward_mode="nat",
    forward_devices=("eth0",),
    bridge="virbr9",
    domain="lab.test",
    dns_hosts=(DNSHostSpec(ip="10.255.0.5", names=("mirror",)),),
    port_groups=(PortGroupSpec(name="fast", default=True), PortGroupSpec(name="slow")),
)


def block(*hosts: HostSpec, ranges: tuple[RangeSpec, ...] = (RANGE,)) -> NetworkSpec:
    return replace(RICH, subnets=(replace(RICH.subnets[0], hosts=hosts, ranges=ranges),))


TXT = '<txt name="a" value="one"/>'
SRV = '<srv service="ldap" protocol="tcp" domain="lab.test" target="." port="389"/>'
LEASED = replace(RANGE, lease=3600)
TWIN = DNSHostSpec(ip="fd00::5", names=("mirror",))

# Lists that libvirt changes live: the desired network, the found one, and the updates between them.
LIVE = {
    "DHCP reservation added": (block(FIRST, SECOND), block(FIRST), ["add ip-dhcp-host"]),
    "DHCP reservation deleted": (block(SECOND), block(FIRST, SECOND), ["delete ip-dhcp-host"]),
    "DHCP reservation changed": (block(replace(FIRST, ip="10.255.0.80")), block(FIRST), ["change ip-dhcp-host"]),
    "one entry for another": (block(SECOND), block(FIRST), ["delete ip-dhcp-host", "add ip-dhcp-host"]),
    "lease time of an entry": (block(replace(FIRST, lease=0)), block(FIRST), ["change ip-dhcp-host"]),
    "names that two guests exchange": (
        block(replace(FIRST, name="b"), replace(SECOND, name="a")),
        block(replace(FIRST, name="a"), replace(SECOND, name="b")),
        ["delete ip-dhcp-host"] * 2 + ["add ip-dhcp-host"] * 2,
    ),
    "a name for another MAC": (
        block(HostSpec(mac=SECOND.mac, ip=FIRST.ip, name="a")),
        block(replace(FIRST, name="a")),
        ["delete ip-dhcp-host", "add ip-dhcp-host"],
    ),
    "range added": (
        block(ranges=(RANGE, RangeSpec(start="10.255.0.2", end="10.255.0.3"))),
        RICH,
        ["add ip-dhcp-range"],
    ),
    "last range deleted": (block(ranges=()), RICH, ["delete ip-dhcp-range"]),
    "lease time of a range": (block(ranges=(LEASED,)), RICH, ["delete ip-dhcp-range", "add ip-dhcp-range"]),
    "forward device": (
        replace(RICH, forward_devices=("eth1",)),
        RICH,
        ["delete forward-interface", "add forward-interface"],
    ),
    "port group added": (
        replace(RICH, port_groups=(*RICH.port_groups, PortGroupSpec(name="new"))),
        RICH,
        ["add portgroup"],
    ),
    "port group deleted": (replace(RICH, port_groups=RICH.port_groups[:1]), RICH, ["delete portgroup"]),
    "port group changed": (
        replace(RICH, port_groups=(RICH.port_groups[0], PortGroupSpec(name="slow", tags=(7,)))),
        RICH,
        ["change portgroup"],
    ),
    "another default port group": (
        replace(RICH, port_groups=(PortGroupSpec(name="slow", default=True), PortGroupSpec(name="fast"))),
        RICH,
        ["change portgroup"] * 2,
    ),
    "DNS host added": (replace(RICH, dns_hosts=(*RICH.dns_hosts, TWIN)), RICH, ["add dns-host"]),
    "DNS host deleted": (RICH, replace(RICH, dns_hosts=(*RICH.dns_hosts, TWIN)), ["delete dns-host"]),
    "DNS host changed": (
        replace(RICH, dns_hosts=(DNSHostSpec(ip="10.255.0.5", names=("mirror", "www")),)),
        RICH,
        ["delete dns-host", "add dns-host"],
    ),
    "TXT record added": (xml(RICH, "<dns>", f"<dns>{TXT}"), RICH, ["add dns-txt"]),
    "TXT record changed": (
        xml(RICH, "<dns>", f"<dns>{TXT}").replace("one", "two"),
        xml(RICH, "<dns>", f"<dns>{TXT}"),
        ["delete dns-txt", "add dns-txt"],
    ),
    "SRV record added": (xml(RICH, "<dns>", f"<dns>{SRV}"), RICH, ["add dns-srv"]),
    "SRV record deleted": (RICH, xml(RICH, "<dns>", f"<dns>{SRV}"), ["delete dns-srv"]),
}


@st.composite
def with_other_lists(draw, spec: NetworkSpec) -> NetworkSpec:
    """Return the same network with other entries in the lists that libvirt changes live."""
    return replace(
        spec,
        subnets=tuple(
            replace(each, ranges=other.ranges, hosts=other.hosts, boot_file="", boot_server="")
            for each in spec.subnets
            for other in [draw(subnets(each.interface, dhcp=each.dhcp))]
        ),
        dns_hosts=draw(st.lists(dns_hosts, max_size=3, unique_by=lambda host: host.ip).map(tuple)) if spec.dns else (),
        port_groups=draw(groups_with_one_default()),
        forward_devices=tuple(draw(st.permutations(spec.forward_devices)))[: draw(st.integers(1, 3))],
    )


def three_of(spec: NetworkSpec) -> st.SearchStrategy[tuple[NetworkSpec, NetworkSpec, NetworkSpec]]:
    return st.tuples(*[with_other_lists(spec)] * 3)
