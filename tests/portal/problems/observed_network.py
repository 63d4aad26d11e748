"""Observed NICs, leases and reservations, and the problems that they cause."""

from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Network
from tests.support.making import make_foreign_network, make_running, make_vm
from virterweb.portal import problems
from virterweb.portal.checks import problems_of
from virterweb.portal.problems import NIC, Kind, Problem, Reported
from vms.models import VM, NICAddress

EIGHT, NINE, NOBODY = "52:54:00:00:00:08", "52:54:00:00:00:09", "52:54:00:cc:00:01"
HERE, ELSEWHERE = 1, 2  # keys of networks


def nic(mac: str = EIGHT, vm: str = "alma-8", network: int | None = HERE, **values) -> NIC:
    source = {HERE: "net1", ELSEWHERE: "net2"}.get(network, "gone")
    return NIC(
        **{"mac": mac, "vm": vm, "running": True, "kind": "network", "source": source, "network": network} | values
    )


def lease(ip: str = "10.255.0.8", mac: str = EIGHT, **values) -> problems.Lease:
    return problems.Lease(**{"key": 7, "ip": ip, "mac": mac, "name": "", "client_id": "", "until": None} | values)


def host(ip: str = "10.255.0.8", mac: str = EIGHT, **values) -> HostSpec:
    return HostSpec(ip=ip, mac=mac, **values)


def report(ip: str = "10.255.0.8", mac: str = NINE, source: str = "agent") -> Reported:
    return Reported(ip=ip, mac=mac, source=source)


TWO = (nic(), nic(NINE, "alma-9"))


def check_network(*nics: NIC, **known) -> tuple[Problem, ...]:
    return problems.of_network(problems.Network(key=HERE, name="net1", **known), problems.Owners(nics))


def only(found: tuple[Problem, ...], kind: Kind) -> Problem:
    (problem,) = found
    assert problem.kind == kind
    return problem


def run(lab, name: str, number: int, network: str = "default") -> VM:
    vm = make_vm(lab, name, number)
    make_running(vm, (network, f"52:54:00:00:00:{number:02x}", f"vnet{number}"))
    return vm


def another(lab, name: str, cidr: str, bridge: str, dhcp: tuple[str, str] = ()) -> Network:
    """Create an unmanaged network with one block, for example 10.7.0.1/24."""
    address, prefix = cidr.split("/")
    range_ = f"<dhcp><range start='{dhcp[0]}' end='{dhcp[1]}'/></dhcp>" if dhcp else ""
    document = f"""<network><name>{name}</name><uuid>{{uuid}}</uuid><forward mode='nat'/><bridge name='{bridge}'/>
    <ip address='{address}' prefix='{prefix}'>{range_}</ip></network>"""
    return make_foreign_network(lab, document)


def entry(network: Network, ip: str, mac: str) -> None:
    DHCPHostStatus.of(network, HostSpec(mac=mac, ip=ip)).save()


def tell(vm: VM, ip: str, source: str = "agent") -> None:
    NICAddress.objects.create(vm=vm.status, mac=vm.status.nics.get().mac, ip=ip, source=source)


def kinds(*networks: Network) -> list[Kind]:
    chosen = Network.objects.shown().filter(pk__in=[network.pk for network in networks])
    return [problem.kind for problem in problems_of(chosen)]
