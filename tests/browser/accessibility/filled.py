"""Objects of each type in each state, for a portal of which every page is opened."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from networks.definition.events import Event
from networks.models import Network
from tests.project.conftest import make_things
from tests.support.making import (
    everyone,
    make_host,
    make_hypervisor,
    make_lease,
    make_network,
    make_running,
    make_vm,
    record_volume,
)
from tests.support.sockets import session_of
from tests.support.teams import make_team
from virterweb.hypervisors.gateway.found import FoundTraffic
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, WorkerProcess
from virterweb.messages import Message
from virterweb.people.models import Team
from vms.definition.nics.spec import NICSpec
from vms.models import NICStatus, Power
from vms.nics import traffic

NICS = ("net1", "ready", "default")
GIB = 1024**3


def fill() -> dict[str, object]:
    """Fill an empty portal; return values for the addresses of pages, and sessions of two users."""
    user = get_user_model().objects.get(username="admin")
    lab = make_hypervisor("lab", access_network="net1")
    things = make_things(lab, user, everyone())
    Team.objects.update(role_of_all=None)
    make_team("red", {user: "manager"})
    get_user_model().objects.create_user("newcomer")
    make_networks(lab)
    make_vms(lab)
    measure(lab)
    HypervisorStatus.objects.filter(hypervisor=lab).update(memory=64 * 1024, memory_used=20 * 1024, cpus=16)
    lab.pools.update(capacity=500 * GIB, available=20 * GIB)
    record_volume(lab, f"virter:layer:sha256:{'5f' * 32}", pool="default", format="qcow2")
    unreachable = make_hypervisor("elsewhere")
    lost = {"error": Message.external("Connection refused"), "unreachable_since": timezone.now()}
    HypervisorStatus.objects.filter(hypervisor=unreachable).update(**lost)
    WorkerProcess.objects.update(seen_at=timezone.now() + timedelta(hours=1))  # it runs as long as the portal does
    sessions = {name: session_of(get_user_model().objects.get(username=name)) for name in ("admin", "newcomer")}
    return {"things": things, "sessions": sessions}


def made(network: Network, **values: object) -> Network:
    """Record that a poll found a network as it is to be, but for `values`."""
    spec = network.spec
    found = {"present": True, "active": True, "autostart": True, "document": network.full_document}
    found |= {"forward_mode": spec.forward_mode, "ip_range": spec.ip_range, "dhcp": spec.dhcp, "domain": spec.domain}
    network.status.write(**{"generation": network.generation, "made_at": timezone.now(), **found, **values})
    return network


def make_networks(lab: Hypervisor) -> None:
    """Create networks that are ready, pending, drifted, failed, inactive, tagged and about to be deleted."""
    ready = made(make_network(lab, "ready", "10.2.0.1/24", spec={"forward_mode": "nat", "domain": "ready.test"}))
    ready.change_tags(add=["web", "test"])
    for number in range(20, 32):
        make_lease(ready, f"52:54:00:90:00:{number:02x}", f"10.2.0.{number}", f"guest-{number}")
        make_host(ready, f"52:54:00:90:00:{number:02x}", f"10.2.0.{number + 60}")
    make_network(lab, "pending", "10.3.0.1/24")
    drifted = made(make_network(lab, "drifted", "10.4.0.1/24"))
    found = drifted.full_document.replace('end="10.4.0.254"', 'end="10.4.0.99"')
    drifted.status.write(document=found, dhcp="10.4.0.2-10.4.0.99", drift="does not start with the host")
    made(make_network(lab, "failed", "10.5.0.1/24"), error=Message.external("Network is already in use by interface"))
    made(make_network(lab, "isolated", ""), active=False)
    made(make_network(lab, "overlapping", "10.2.0.129/25"))
    made(make_network(lab, "routed", "10.6.0.1/22", spec={"forward_mode": "route"}))
    leaving = made(make_network(lab, "leaving", "10.7.0.1/24"))
    leaving.remove()
    ending = made(make_network(lab, "ending", "10.8.0.1/24"))
    ending.note(Event.CHANGED, result="failed")


def make_vms(lab: Hypervisor) -> None:
    """Create VMs that run with several NICs, are off, paused, interrupted, pending, drifted, failed and unmanaged."""
    for number in range(23, 26):
        vm = make_vm(lab, f"web-{number}", number, memory=1024, vcpus=2)
        nics = [(name, f"52:54:00:9{index}:00:{number:02x}", f"vnet{number}{index}") for index, name in enumerate(NICS)]
        make_running(vm, *nics)
        for index, (_, mac, _) in enumerate(nics):
            vm.status.addresses.create(mac=mac, ip=f"10.{index + 1}.0.{number}", source="agent")
    vm.change_tags(add=["web", "test", "customer-a", "long-running"])
    vm.add_nic(NICSpec(kind="network", source="ready", mac="52:54:00:99:00:01"))
    states = {
        "paused": {"power": Power.PAUSED, "power_reason": "no-space"},
        "interrupted": {"power": Power.OFF, "interrupted": "host", "interrupted_at": timezone.now()},
        "off": {"power": Power.OFF},
        "drifted": {"drift": "has a NIC more"},
        "failed": {"error": Message.external("Cannot access storage file '/pool/failed': No such file or directory")},
        "unmanaged": {},
    }
    for number, (name, values) in enumerate(states.items(), 30):
        vm = make_vm(lab, f"{name}-{number}", number, managed=name != "unmanaged")
        make_running(vm, ("ready", f"52:54:00:00:01:{number:02x}", f"vnet{number}"))
        vm.status.write(**values)
    make_vm(lab, "pending-40", 40)
    make_vm(lab, "leaving-41", 41).remove()


def measure(lab: Hypervisor) -> None:
    """Record the traffic of half an hour."""
    start = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=30)
    nics = list(NICStatus.objects.filter(vm__desired__hypervisor=lab).values_list("vm__desired__uuid", "target"))
    for minute in range(31):
        found: dict[str, dict[str, FoundTraffic]] = {}
        for index, (uuid, target) in enumerate(nics):
            count = 60 * minute * (1000 * index + minute)
            seen = FoundTraffic(received=(count, 9 * minute, 0, 0), sent=(count // 2, 5 * minute, minute % 3, 0))
            found.setdefault(str(uuid), {})[target] = seen
        traffic.write(lab, found, start + timedelta(minutes=minute))
