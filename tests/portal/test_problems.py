"""What is wrong with addresses: found when it should be, silent when not, and said with the step that mends it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.definition.spec import HostSpec
from networks.models import DHCPHost, DHCPHostStatus, Lease, Network
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.portal import problems
from virterweb.portal.checks import problems_of, problems_of_nics
from virterweb.portal.problems import NIC, Kind, Problem, Step, Told
from vms.models import VM, NICAddress, NICStatus, Power, VMStatus

HTMX = {"HX-Request": "true"}
EIGHT, NINE, NOBODY = "52:54:00:00:00:08", "52:54:00:00:00:09", "52:54:00:cc:00:01"
HERE, ELSEWHERE = 1, 2  # keys of networks


# the pure part


def nic(mac: str = EIGHT, vm: str = "alma-8", network: int | None = HERE, **values) -> NIC:
    source = {HERE: "net1", ELSEWHERE: "net2"}.get(network, "gone")
    return NIC(
        **{"mac": mac, "vm": vm, "running": True, "kind": "network", "source": source, "network": network} | values
    )


def lease(ip: str = "10.255.0.8", mac: str = EIGHT, **values) -> problems.Lease:
    return problems.Lease(**{"key": 7, "ip": ip, "mac": mac, "name": "", "client_id": "", "until": None} | values)


def host(ip: str = "10.255.0.8", mac: str = EIGHT, **values) -> HostSpec:
    return HostSpec(ip=ip, mac=mac, **values)


def told(ip: str = "10.255.0.8", mac: str = NINE, source: str = "agent") -> Told:
    return Told(ip=ip, mac=mac, source=source)


TWO = (nic(), nic(NINE, "alma-9"))


def look(*nics: NIC, **known) -> tuple[Problem, ...]:
    return problems.of_network(problems.Network(key=HERE, name="net1", **known), nics)


def only(found: tuple[Problem, ...], kind: Kind) -> Problem:
    (problem,) = found
    assert problem.kind == kind
    return problem


def test_a_network_on_which_all_is_well_has_no_problem():
    assert look(*TWO, leases=(lease(),), hosts=(host(),), told=(told("10.255.0.9"),), size=253, free=250) == ()
    assert look() == ()


@pytest.mark.parametrize(
    ("leases", "told_of", "said"),
    [
        ((lease(),), (told(),), ("by its lease", "as its agent says")),
        ((lease(),), (told(source="arp"),), ("by its lease", "as the ARP table says")),
        ((), (told(mac=EIGHT), told(source="arp")), ("as its agent says", "as the ARP table says")),
        ((), (told("fd00::8", EIGHT), told("fd00::8")), ("as its agent says", "as its agent says")),
    ],
)
def test_two_machines_that_answer_for_one_address_are_both_named(leases, told_of, said):
    problem = only(look(*TWO, leases=leases, told=told_of), Kind.TWO_MACHINES)
    one, other = f"alma-8 ({EIGHT}), {said[0]}", f"alma-9 ({NINE}), {said[1]}"
    assert f"is answered for by 2 machines: {one} and {other}." in problem.text
    assert (problem.step, problem.vm, problem.mac) == (Step.LOOK_AT_VM, "alma-9", NINE)


@pytest.mark.parametrize(
    ("leases", "told_of"),
    [
        ((lease(),), (told(mac=EIGHT), told(mac=EIGHT, source="arp"))),  # several sources tell of one machine
        ((lease(), lease("fd00::8")), ()),
        ((lease(),), (told("10.255.0.9"),)),
        ((lease(), lease("10.255.0.9", NINE)), ()),
    ],
)
def test_machines_with_an_address_each_are_no_problem(leases, told_of):
    assert look(*TWO, leases=leases, told=told_of) == ()


def test_three_machines_are_counted_and_all_named():
    three = (*TWO, nic(NOBODY, "alma-10"))
    text = only(look(*three, leases=(lease(),), told=(told(), told(mac=NOBODY))), Kind.TWO_MACHINES).text
    assert "by 3 machines" in text
    assert all(name in text for name in ("alma-8", "alma-9", "alma-10"))


def copied(now: str = NINE, before: str = EIGHT, client_id: str = "ff:01", **ended) -> dict:
    """A lease that one MAC has, and that another had before, under one client ID."""
    then = {"mac": before, "client_id": client_id} | ended
    return {"leases": (lease(mac=now, client_id=client_id),), "ended": (lease(**then),)}


def test_two_running_guests_that_send_one_client_id_are_both_named():
    problem = only(look(*TWO, **copied()), Kind.ONE_CLIENT_ID)
    for part in (f"alma-8 ({EIGHT}) and alma-9 ({NINE})", "ff:01", "both 10.255.0.8", "machine-id"):
        assert part in problem.text
    assert (problem.step, problem.vm) == (Step.LOOK_AT_VM, "alma-9")


@pytest.mark.parametrize(
    ("nics", "leases"),
    [
        ((nic(running=False), nic(NINE, "alma-9")), copied()),  # the one before has gone: its lease was passed on
        ((nic(), nic(NINE, "alma-9", running=False)), copied()),
        ((nic(), nic(NINE)), copied()),  # two NICs of one VM
        ((nic(),), copied(EIGHT, EIGHT)),  # it has left and come back
        (TWO, copied(client_id="")),
        (TWO, copied() | {"ended": (lease(client_id="ff:02"),)}),
        (TWO, copied(ip="10.255.0.7")),
        ((nic(NINE, "alma-9"),), copied()),  # no VM has the other MAC any more
    ],
)
def test_a_lease_that_goes_from_one_to_another_is_no_shared_client_id(nics, leases):
    assert look(*nics, **leases) == ()


@pytest.mark.parametrize(
    ("size", "free", "said"),
    [
        (253, 12, "only 12 of 253 addresses that DHCP hands out are free"),
        (253, 1, "only 1 of 253 addresses that DHCP hands out is free"),
        (253, 0, "none of the 253 addresses of DHCP is free"),
        (8, 2, "only 2 of 8 addresses"),
    ],
)
def test_a_range_of_which_little_is_left_is_nearly_full(size, free, said):
    problem = only(look(size=size, free=free), Kind.FULL)
    assert problem.text.startswith("net1: ")
    assert said in problem.text
    assert problem.step == Step.CHANGE_NETWORK


@pytest.mark.parametrize(("size", "free"), [(253, 13), (253, 253), (8, 3), (0, 0), (2, 2), (1, 1)])
def test_a_range_with_room_or_that_nobody_uses_is_not_nearly_full(size, free):
    assert look(size=size, free=free) == ()


@pytest.mark.parametrize(
    ("there", "where"),
    [
        (nic(network=ELSEWHERE), "net2"),
        (nic(network=ELSEWHERE, running=False), "net2"),
        (nic(network=None, kind="bridge", source="br0"), "br0"),
    ],
)
def test_an_entry_for_a_vm_that_hangs_elsewhere_says_where(there, where):
    problem = only(look(there, hosts=(host(),)), Kind.GONE)
    assert problem.text == f"10.255.0.8 is reserved here for alma-8 ({EIGHT}), whose NIC hangs on {where}."
    assert (problem.step, problem.ip) == (Step.CHANGE_ENTRY, "10.255.0.8")


def test_an_entry_points_to_nothing_else_if_a_vm_here_has_its_mac_as_well():
    both = (nic(running=False), nic(vm="other", network=ELSEWHERE))
    assert look(*both, hosts=(host(),)) == ()
    assert look(*reversed(both), hosts=(host(),)) == ()


def test_a_lease_at_another_than_the_reserved_address_says_when_that_ends():
    until = datetime(2026, 3, 1, 17, 5)
    leases = (lease("10.255.0.77", until=until),)
    problem = only(look(nic(), leases=leases, hosts=(host(),)), Kind.OTHER_ADDRESS)
    for part in (f"alma-8 ({EIGHT}) has 10.255.0.77", "though 10.255.0.8 is reserved for it", "at the latest at 17:05"):
        assert part in problem.text
    assert (problem.step, problem.ip, problem.lease) == (Step.RESERVE_THIS, "10.255.0.77", 7)


@pytest.mark.parametrize(
    ("leases", "hosts"),
    [
        ((lease(),), (host(),)),
        ((lease("10.255.0.77"), lease()), (host(),)),  # it has the reserved one as well
        ((lease("fd00::77"),), (host(),)),
        ((lease("fd00::77"), lease()), (host(),)),
        ((lease(),), (host("fd00::8"),)),
        ((lease(),), (host(mac="", ip="10.255.0.9", name="alma-8"),)),
        ((), (host(),)),
    ],
)
def test_a_guest_that_has_the_reserved_address_or_none_is_no_problem(leases, hosts):
    assert look(nic(), leases=leases, hosts=hosts) == ()


def test_a_lease_of_a_mac_that_no_vm_has_can_be_released():
    leases = (lease(mac=NOBODY, name="old-guest", until=datetime(2026, 3, 1, 17, 5)),)
    problem = only(look(*TWO, leases=leases), Kind.NOBODYS_LEASE)
    assert problem.text == f"10.255.0.8 is leased to {NOBODY} (old-guest) until 17:05, which no VM has."
    assert (problem.step, problem.lease, problem.vm) == (Step.RELEASE, 7, "")


def test_an_ipv6_lease_of_nobody_offers_no_release():
    assert only(look(leases=(lease("fd00::8"),)), Kind.NOBODYS_LEASE).step == Step.LOOK_AT_LEASES


def test_up_to_three_leases_of_nobody_are_told_each_and_more_as_one():
    leases = tuple(lease(f"10.255.0.{number}", f"52:54:00:cc:00:{number:02x}") for number in range(1, 91))
    assert [problem.step for problem in look(*TWO, leases=leases[:3])] == [Step.RELEASE] * 3
    problem = only(look(*TWO, leases=leases), Kind.NOBODYS_LEASE)
    named = "10.255.0.1, 10.255.0.2, 10.255.0.3 and 87 more"
    assert problem.text == f"90 addresses are leased to MACs that no VM has: {named}."
    assert problem.step == Step.LOOK_AT_LEASES


def test_a_lease_of_a_vm_that_is_off_or_has_moved_is_somebodys():
    assert look(nic(running=False), leases=(lease(),)) == ()
    assert look(nic(network=ELSEWHERE), leases=(lease(),)) == ()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "10.255.0.1 is reserved for 52:54:00:cc:00:01, which no VM has."),
        (2, "2 addresses are reserved for MACs that no VM has: 10.255.0.1, 10.255.0.2."),
        (3, "3 addresses are reserved for MACs that no VM has: 10.255.0.1, 10.255.0.2, 10.255.0.3."),
        (90, "90 addresses are reserved for MACs that no VM has: 10.255.0.1, 10.255.0.2, 10.255.0.3 and 87 more."),
    ],
)
def test_unused_entries_are_one_problem_that_names_three(count, said):
    hosts = tuple(host(f"10.255.0.{number}", f"52:54:00:cc:00:{number:02x}") for number in range(1, count + 1))
    problem = only(look(*TWO, hosts=hosts), Kind.UNUSED)
    assert (problem.text, problem.step) == (said, Step.LOOK_AT_ENTRIES)
    assert look(*TWO, hosts=hosts, static_dhcp=True) == ()


def test_an_entry_of_a_vm_that_is_off_or_without_a_mac_is_not_unused():
    assert look(nic(running=False), hosts=(host(), host("fd00::9", "", duid="00:03"))) == ()


def test_a_nic_of_a_network_that_libvirt_does_not_have_is_found():
    (problem,) = problems.of_nics((nic(network=None), nic(NINE, "alma-9")), ("net1", "net2"))
    assert problem.text == f"NIC {EIGHT} of alma-8 is for the network gone, which libvirt does not have."
    assert (problem.kind, problem.step, problem.vm, problem.network) == (Kind.GONE, Step.LOOK_AT_VM, "alma-8", None)


def test_a_nic_of_a_bridge_or_of_a_network_not_looked_at_yet_is_no_problem():
    bridged = nic(network=None, kind="bridge", source="br0")
    assert list(problems.of_nics((bridged, nic(network=None, source="net2")), ("net1", "net2"))) == []


def test_what_breaks_something_stands_before_what_soon_may_and_that_before_what_is_worth_knowing():
    tones = [kind.tone for kind in Kind]
    assert tones == sorted(tones, key=("failed", "pending", "quiet").index)


# through the database


@pytest.fixture
def lab(db, pokes):
    return make_hypervisor()


@pytest.fixture
def default(lab) -> Network:
    return make_foreign_network(lab)


@pytest.fixture
def vm(lab, default) -> VM:
    """A VM that runs on default as it should."""
    return run(lab, "alma-8", 8)


def run(lab, name: str, number: int, network: str = "default") -> VM:
    vm = make_vm(lab, name, number)
    make_running(vm, (network, f"52:54:00:00:00:{number:02x}", f"vnet{number}"))
    return vm


def another(lab, name: str, cidr: str, bridge: str, dhcp: tuple[str, str] = ()) -> Network:
    """A foreign network of one block, as 10.7.0.1/24."""
    address, prefix = cidr.split("/")
    range_ = f"<dhcp><range start='{dhcp[0]}' end='{dhcp[1]}'/></dhcp>" if dhcp else ""
    document = f"""<network><name>{name}</name><uuid>{{uuid}}</uuid><forward mode='nat'/><bridge name='{bridge}'/>
    <ip address='{address}' prefix='{prefix}'>{range_}</ip></network>"""
    return make_foreign_network(lab, document)


def entry(network: Network, ip: str, mac: str) -> None:
    DHCPHostStatus.of(network, HostSpec(mac=mac, ip=ip)).save()


def tell(vm: VM, ip: str, source: str = "agent") -> None:
    NICAddress.objects.create(vm=vm.status, mac=vm.status.nics.get().mac, ip=ip, source=source)


def route(lab, *routes: tuple[str, str]) -> None:
    HypervisorStatus.objects.filter(hypervisor=lab).update(routes=routes)


def kinds(*networks: Network) -> list[Kind]:
    chosen = Network.objects.shown().filter(pk__in=[network.pk for network in networks])
    return [problem.kind for problem in problems_of(chosen)]


def test_a_guest_with_its_reserved_address_on_a_network_with_room_is_no_problem(default, vm):
    entry(default, "192.168.122.8", EIGHT)
    make_lease(default, EIGHT, "192.168.122.8")
    tell(vm, "192.168.122.8")
    assert kinds(default) == []
    assert problems_of_nics([default.hypervisor]) == []


def test_a_lease_and_an_agent_that_tell_of_two_machines(default, lab, vm):
    make_lease(default, EIGHT, "192.168.122.8")
    other = run(lab, "alma-9", 9)
    tell(other, "192.168.122.8")
    assert kinds(default) == [Kind.TWO_MACHINES]
    VMStatus.objects.filter(desired=other).update(power=Power.OFF)
    assert kinds(default) == []


def test_an_address_on_two_networks_is_two_addresses(default, lab, vm):
    net1 = another(lab, "net1", "10.255.0.1/24", "virbr1")
    tell(vm, "10.0.0.9")
    tell(run(lab, "alma-9", 9, "net1"), "10.0.0.9")
    assert kinds(default, net1) == []


@pytest.mark.parametrize(("hours", "found"), [(1, [Kind.ONE_CLIENT_ID]), (3, [])])
def test_one_client_id_is_told_of_for_two_hours(default, lab, vm, hours, found):
    run(lab, "alma-9", 9)
    ended = timezone.now() - timedelta(hours=hours)
    began = ended - timedelta(hours=1)
    make_lease(default, EIGHT, "192.168.122.8", client_id="ff:01", first_seen=began, last_seen=ended)
    make_lease(default, NINE, "192.168.122.8", client_id="ff:01")
    assert kinds(default) == found


def test_leases_and_entries_fill_a_range_each_address_once_and_ipv6_not_at_all(lab):
    network = another(lab, "small", "10.7.0.1/24", "virbr7", ("10.7.0.10", "10.7.0.14"))
    network.status.write(dhcp=f"{network.status.dhcp},fd00::2-fd00::2")
    run(lab, "alma-8", 8, "small")
    run(lab, "alma-9", 9, "small")
    make_lease(network, EIGHT, "fd00::2")
    make_lease(network, EIGHT, "10.7.0.10")
    entry(network, "10.7.0.10", EIGHT)
    entry(network, "10.7.0.99", NINE)
    make_lease(network, NINE, "10.7.0.99")
    assert kinds(network) == []
    DHCPHostStatus.objects.filter(mac=NINE).update(ip="10.7.0.11")
    make_lease(network, NINE, "10.7.0.12")
    assert Kind.FULL in kinds(network)


def test_blocks_of_two_networks_of_one_hypervisor_that_overlap(default, lab):
    wide = another(lab, "wide", "192.168.0.1/16", "virbr1")
    found = problems_of(Network.objects.shown())
    assert [problem.kind for problem in found] == [Kind.OVERLAP, Kind.OVERLAP]
    texts = {problem.network: problem.text for problem in found}
    assert "192.168.122.0/24 overlaps 192.168.0.0/16 of the network wide." in texts[default.pk]
    assert "of the network default" in texts[wide.pk]


def test_a_wish_that_is_not_carried_out_yet_overlaps_already(default, lab):
    make_network(lab, "soon", "192.168.122.129/25")
    assert kinds(default) == [Kind.OVERLAP]


def test_a_block_that_the_host_routes_elsewhere_overlaps(default, lab):
    route(lab, ("192.168.122.0/25", "eth0"))
    (problem,) = problems_of(Network.objects.shown())
    assert problem.kind == Kind.OVERLAP
    assert "the host, which routes it through eth0" in problem.text


def test_neither_its_own_bridge_nor_another_hypervisor_overlaps(default, lab):
    route(lab, ("192.168.122.0/24", "virbr0"), ("10.0.0.0/8", "eth0"))
    elsewhere = make_hypervisor("lab-2")
    same = make_foreign_network(elsewhere)
    route(elsewhere, ("192.168.122.0/24", "virbr0"))
    assert kinds(default, same) == []


def test_a_network_that_is_being_removed_does_not_overlap_with_its_own_bridge(lab):
    network = make_network(lab)
    network.status.write(present=True, active=True, generation=1, ip_range="10.255.0.1/24", bridge="virbr1")
    route(lab, ("10.255.0.0/24", "virbr1"))
    assert kinds(network) == []
    network.remove()
    assert kinds(network) == []


def test_an_entry_whose_vm_hangs_on_another_network(default, lab):
    another(lab, "net1", "10.255.0.1/24", "virbr1")
    run(lab, "alma-8", 8, "net1")
    entry(default, "192.168.122.8", EIGHT)
    assert kinds(default) == [Kind.GONE]


def test_a_nic_whose_network_is_gone(default, lab, vm):
    NICStatus.objects.create(vm=vm.status, position=1, kind="network", source="net7", mac=NINE)
    (problem,) = problems_of_nics([lab])
    assert (problem.kind, problem.vm) == (Kind.GONE, "alma-8")
    assert "net7" in problem.text
    assert problems_of_nics([make_hypervisor("lab-2")]) == []


def test_a_lease_that_is_older_than_its_entry_ends_in_the_portals_time(default, vm, settings):
    settings.TIME_ZONE = "Europe/Vienna"
    entry(default, "192.168.122.8", EIGHT)
    make_lease(default, EIGHT, "192.168.122.77", expires_at=datetime(2026, 7, 1, 10, 30, tzinfo=UTC))
    (problem,) = problems_of(Network.objects.shown())
    assert problem.kind == Kind.OTHER_ADDRESS
    assert "at the latest at 12:30" in problem.text


def test_a_lease_of_nobody_is_nobodys_of_this_hypervisor(default, vm):
    make_lease(default, NINE, "192.168.122.9")
    ended = timezone.now()
    make_lease(default, NOBODY, "192.168.122.10", first_seen=ended - timedelta(hours=1), last_seen=ended)
    elsewhere = make_hypervisor("lab-2")
    make_foreign_network(elsewhere)
    run(elsewhere, "alma-9", 9)
    assert kinds(default) == [Kind.NOBODYS_LEASE]


def test_unused_entries_are_the_rule_on_the_access_network_of_a_static_hypervisor(default, lab):
    net1 = another(lab, "net1", "10.255.0.1/24", "virbr1")
    entry(default, "192.168.122.8", EIGHT)
    entry(net1, "10.255.0.8", EIGHT)
    assert kinds(default) == kinds(net1) == [Kind.UNUSED]
    type(lab).objects.update(static_dhcp=True)
    assert kinds(default) == []
    assert kinds(net1) == [Kind.UNUSED]


def test_a_network_that_libvirt_does_not_have_has_no_problem_of_addresses(lab):
    network = make_network(lab)
    make_lease(network, NOBODY, "10.255.0.9")
    assert kinds(network) == []


def test_of_several_networks_the_worst_comes_first(default, lab, vm):
    net1 = another(lab, "net1", "10.255.0.1/24", "virbr1")
    entry(default, "192.168.122.200", NOBODY)
    make_lease(default, NOBODY, "192.168.122.99")
    tell(run(lab, "alma-9", 9, "net1"), "10.255.0.9")
    tell(run(lab, "alma-10", 10, "net1"), "10.255.0.9")
    found = kinds(default, net1)
    assert found == [Kind.TWO_MACHINES, Kind.OTHER_ADDRESS, Kind.NOBODYS_LEASE, Kind.UNUSED]


# the pages


def listed(answer) -> list[str]:
    """The problems of a page as text."""
    assert answer.status_code == 200
    items = html.fromstring(answer.content).xpath("//ul[@class='problems']/li")
    return [" ".join(item.text_content().split()) for item in items]


def links(answer) -> list[str]:
    return html.fromstring(answer.content).xpath("//ul[@class='problems']//a/@href")


@pytest.fixture
def troubled(default, lab, vm) -> Network:
    """Default with a problem of each kind that a click mends."""
    entry(default, "192.168.122.8", EIGHT)
    make_lease(default, EIGHT, "192.168.122.77")
    make_lease(default, NOBODY, "192.168.122.99")
    entry(default, "192.168.122.10", "52:54:00:00:00:0a")
    another(lab, "net1", "192.168.122.129/25", "virbr1")
    run(lab, "alma-9", 9, "net1")
    entry(default, "192.168.122.9", NINE)
    return default


@pytest.mark.parametrize("path", ["/networks/lab-1/default/problems/", "/vms/lab-1/alma-8/problems/"])
def test_htmx_gets_the_problems_alone(page, troubled, path):
    whole, part = page.get(path), page.get(path, headers=HTMX)
    assert "<h1>Problems of" in whole.content.decode()
    assert part.content.decode().startswith('<div id="problems" hx-get="')
    assert listed(whole) == listed(part) != []


@pytest.mark.parametrize("path", ["/networks/lab-1/default/problems/", "/vms/lab-1/alma-8/problems/"])
def test_a_page_without_problems_says_so_and_its_fragment_nothing(page, default, vm, path):
    assert "No problems with the addresses here." in page.get(path).content.decode()
    fragment = html.fromstring(page.get(path, headers=HTMX).content)
    assert (fragment.get("id"), fragment.text_content().strip()) == ("problems", "")


@pytest.mark.parametrize("path", ["/networks/lab-1/no/problems/", "/vms/lab-1/no/problems/"])
def test_there_are_no_problems_of_what_is_gone(page, lab, path):
    assert page.get(path).status_code == 404
    assert page.get(path, headers=HTMX).status_code == 404


def test_each_problem_of_a_network_links_to_a_page_that_is_there(page, troubled):
    answer = page.get("/networks/lab-1/default/problems/")
    assert "/networks/lab-1/default/hosts/192.168.122.9/edit/" in links(answer)
    assert "/networks/lab-1/default/hosts/?unused=1" in links(answer)
    for link in links(answer):
        assert page.get(link, follow=True).status_code == 200


def test_the_link_to_unused_entries_shows_just_those(page, troubled):
    rows = html.fromstring(page.get("/networks/lab-1/default/hosts/?unused=1").content).xpath("//table//tr/@id")
    assert rows == ["host-192.168.122.10"]


def test_many_leases_of_nobody_lead_to_the_networks_leases(page, default):
    for number in range(10, 20):
        make_lease(default, f"52:54:00:cc:00:{number}", f"192.168.122.{number}")
    answer = page.get("/networks/lab-1/default/problems/")
    assert len(listed(answer)) == 1
    assert links(answer) == ["/networks/lab-1/default/leases/"]
    assert page.get(links(answer)[0]).status_code == 200


def press(page, text: str):
    """Press the button of that text on the page of default's problems."""
    root = html.fromstring(page.get("/networks/lab-1/default/problems/").content)
    (action,) = root.xpath("//form[button[normalize-space()=$text]]/@action", text=text)
    return page.post(action)


def test_release_it_asks_for_the_lease_of_nobody(page, troubled):
    assert press(page, "Release lease").status_code == 302
    asked = Lease.objects.exclude(release_asked_at=None)
    assert [lease.ip for lease in asked] == ["192.168.122.99"]


def test_reserve_instead_makes_the_address_that_a_guest_has_the_reserved_one(page, troubled):
    assert press(page, "Reserve 192.168.122.77 instead").status_code == 302
    wishes = DHCPHost.objects.filter(mac=EIGHT)
    assert {desired.ip: desired.removed_at is None for desired in wishes} == {
        "192.168.122.77": True,
        "192.168.122.8": False,
    }


def test_a_vms_page_has_what_concerns_it_alone(page, troubled):
    (problem,) = listed(page.get("/vms/lab-1/alma-8/problems/"))
    assert f"alma-8 ({EIGHT}) has 192.168.122.77" in problem


def test_both_machines_of_one_address_say_so_and_the_network_links_to_one(page, default, lab, vm):
    tell(vm, "192.168.122.8")
    tell(run(lab, "alma-9", 9), "192.168.122.8", "arp")
    run(lab, "alma-10", 10)
    answer = page.get("/networks/lab-1/default/problems/")
    assert links(answer) == ["/vms/lab-1/alma-9/"]
    for name, count in (("alma-8", 1), ("alma-9", 1), ("alma-10", 0)):
        assert len(listed(page.get(f"/vms/lab-1/{name}/problems/"))) == count


def test_two_machines_that_are_no_vms_of_ours_are_listed_as_well(page, default):
    make_lease(default, NOBODY, "192.168.122.8")
    make_lease(default, "52:54:00:cc:00:02", "192.168.122.8")
    assert "192.168.122.8 is answered for by 2 machines" in listed(page.get("/networks/lab-1/default/problems/"))[0]


def test_a_nic_of_a_network_that_is_gone_stands_on_its_vms_page_and_leads_there_from_the_overview(page, default, vm):
    NICStatus.objects.create(vm=vm.status, position=1, kind="network", source="net7", mac=NINE)
    (problem,) = listed(page.get("/vms/lab-1/alma-8/problems/"))
    assert "is for the network net7, which libvirt does not have" in problem
    (link,) = links(page.get("/"))
    assert page.get(link, follow=True).redirect_chain == [(vm.get_absolute_url(), 302)]


def test_names_that_others_chose_are_text(page, default):
    make_lease(default, NOBODY, "192.168.122.8", "<script>alert(1)</script>")
    shown = page.get("/networks/lab-1/default/problems/").content.decode()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


@pytest.mark.parametrize("devices", [None, ["lo", "virbr0", "br0"]])
def test_a_bridge_that_is_there_or_cannot_be_seen_is_no_problem(page, default, lab, devices):
    lab.status.devices = devices
    lab.status.save()
    assert "has no bridge" not in page.get("/").content.decode()


def test_a_bridge_that_has_vanished_is_said_on_the_overview_and_the_networks_page(page, default, lab, vm):
    lab.status.devices = ["lo", "eth0"]
    lab.status.save()
    make_running(vm, ("default", "52:54:00:00:00:08", "vnet1"))
    vm.status.nics.update(kind="bridge", source="br7", network=None)
    for path in ("/", "/networks/lab-1/default/problems/"):
        assert "the host has no bridge virbr0" in page.get(path).content.decode()
    assert "for the host bridge br7, which the host does not have" in page.get("/").content.decode()


def test_a_network_on_a_bridge_of_the_host_that_is_not_there_says_so_although_it_is_not_active(page, lab):
    document = "<network><name>lan</name><uuid>{uuid}</uuid><forward mode='bridge'/><bridge name='br9'/></network>"
    make_foreign_network(lab, document, active=False)
    lab.status.devices = ["lo"]
    lab.status.save()
    assert "lan: the host has no bridge br9" in page.get("/").content.decode()
