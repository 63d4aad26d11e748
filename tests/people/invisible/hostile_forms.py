"""Requests of somebody who knows MACs, blocks, IDs and names of another team's objects, and wants to know more."""

from tests.people.invisible.conftest import BLUE_MAC, LATE_MAC, SHARED_MAC, World

Request = tuple[str, str, dict[str, object]]  # method, path, values

NETWORK = {"name": "new", "forward_mode": "nat", "ipv4": "10.77.0.1/24", "dhcp": "on", "autostart": "on"}
VM = {"image": "redimage", "number": 50, "name": "new", "memory": 64, "vcpus": 1, "boot_size": 1}
NIC = {"network": "rednet", "model": "virtio"}
BLOCKS = ("10.2.0.1/24", "10.2.0.129/25", "10.1.0.129/25", "10.5.0.1/24", "10.4.0.1/24", "10.0.0.1/8", "10.1.0.1/24")
NETWORK_NAMES = ("secret-net", "secret-asked", "secret-foreign")
BRIDGES = ("virbr7", "virbr8", "virbr9", "brsecret2")
VM_NAMES = ("secret-vm", "secret-other", "secret-external", "secret-wanted")
MACS = (BLUE_MAC, SHARED_MAC, LATE_MAC, "52:54:00:bb:bb:0c", "52:54:00:bb:bb:0d", "52:54:00:bb:bb:0e")
VOLUMES = ("plain-disk", "plain", "plain-tag", "secret-volume")
LISTS = ("/networks/", "/vms/", "/attached/", "/attached.json", "/images/", "/hypervisors/", "/inventory.json")
LISTS += (
    "/search/",
    "/hypervisors/options/",
    "/problems/",
    "/ssh-config",
    "/known_hosts",
    "/networks/lab/rednet/leases/",
)
LISTS += ("/networks/lab/rednet/attached/", "/networks/lab/rednet/leases.json", "/networks/lab/rednet/hosts/")
QUERIES = ({"q": "secret"}, {"q": "10.2.0.0/16"}, {"q": "10.1.0.8"}, {"q": SHARED_MAC}, {"q": BLUE_MAC}, {"q": "vm"})
QUERIES += ({"hypervisor": "secret-hypervisor"}, {"network": "secret-net"}, {"owner": "secret-user"}, {"unused": "1"})
QUERIES += ({"bridge": "secretbr"}, {"since": "2020-01-01T00:00", "q": "10.1.0.8"}, {"since": "2020-01-01T00:00"})


def hostile(world: World) -> list[Request]:
    lab, others = str(world.lab.pk), world.others
    found: list[Request] = [("get", path, query) for path in LISTS for query in QUERIES]
    for path in ("/networks/add/", "/networks/add/preview/"):
        on = NETWORK | {"hypervisor": lab}
        found += [("post", path, on | {"ipv4": block}) for block in BLOCKS]
        found += [("post", path, on | {"name": name}) for name in NETWORK_NAMES]
        found += [("post", path, on | {"bridge": bridge}) for bridge in BRIDGES]
        found += [("post", path, on | {"team": str(pk)}) for pk in range(1, 6)]
    for path in ("/vms/run/", "/vms/run/preview/"):
        on = VM | {"hypervisor": lab}
        found += [("post", path, on | {"number": number}) for number in (9, 10, 11)]
        found += [("post", path, on | {"number": 8, "count": 5})]
        found += [("post", path, on | {"name": name}) for name in VM_NAMES]
        found += [("post", path, on | {"name": "secret-volume"}), ("post", path, on | {"image": "secret-image"})]
        found += [("post", path, on | _row(mac=mac)) for mac in MACS]
        found += [("post", path, on | _row(network="secret-net")), ("post", path, on | _row(bridge="secretbr"))]
        static = {"guest": "static", "guest_addresses": "10.1.0.8/24 10.1.0.20/24"}
        found += [("post", path, on | _row(**static))]
    for path in ("/vms/lab/red-8/nics/add/", "/vms/lab/red-8/nics/add/preview/"):
        found += [("post", path, NIC | {"mac": mac}) for mac in MACS]
        found += [("post", path, NIC | {"address": f"10.1.0.{host}"}) for host in (8, 9, 20, 21)]
        found += [("post", path, NIC | {"network": name}) for name in NETWORK_NAMES]
    edit = "/vms/lab/red-8/nics/52:54:00:aa:aa:08/edit/"
    for path in (edit, f"{edit}preview/"):
        found += [("post", path, NIC | {"network": name}) for name in NETWORK_NAMES]
        found += [("post", path, NIC | {"address": f"10.1.0.{host}"}) for host in (8, 20, 21)]
    for path in ("/networks/lab/rednet/edit/", "/networks/lab/rednet/edit/preview/"):
        spec = NETWORK | {"name": "rednet", "ipv4": "10.1.0.1/24"}
        found += [("post", path, spec | {"ipv4": block}) for block in BLOCKS]
        found += [("post", path, spec | {"bridge": bridge}) for bridge in BRIDGES]
        found += [("post", path, spec | {"forward_mode": "route"})]
    for mac, ip in (
        (SHARED_MAC, "10.1.0.8"),
        ("52:54:00:00:12:34", "10.1.0.8"),
        (BLUE_MAC, ""),
        (RED_FREE, "10.1.0.20"),
    ):
        found += [(method, "/networks/lab/rednet/hosts/add/", {"mac": mac, "ip": ip}) for method in ("get", "post")]
    found += [("get", "/networks/lab/rednet/hosts/add/", {"mac": mac}) for mac in MACS]
    found += [
        ("post", "/networks/lab/rednet/hosts/paste/", {"text": f"{RED_FREE} 10.1.0.{n}", "preview": "1"})
        for n in (8, 20)
    ]
    images = {"hypervisor": lab, "name": "mine"}
    found += [("post", "/images/", images | {"volume": volume}) for volume in VOLUMES]
    found += [("post", "/images/", images | {"name": "secret-image", "volume": "plain"})]
    for action in ("start", "stop", "remove", "adopt"):
        keys = [others["network_pk"], world.own["network_pk"]]
        found += [("post", "/networks/bulk/", {"action": action, "network": keys})]
    for action in ("add", "move", "up", "down", "retry"):
        keys = [others["vm_pk"], world.own["vm_pk"]]
        values = {
            "action": action,
            "vm": keys,
            "asked": "1",
            "network": "secret-net",
            "source": "rednet",
            "to": "rednet",
        }
        found += [("post", "/vms/many/", values)]
    found += [("get", "/vms/many/", {"vm": [others["vm_pk"], world.own["vm_pk"]]})]
    found += [
        ("get", "/vms/run/", {"like": "secret-vm", "hypervisor": lab}),
        ("get", "/vms/run/", {"network": "secret-net"}),
    ]
    found += [("get", "/vms/run/", {"like": "red-8", "hypervisor": lab})]
    found += [
        ("post", "/hypervisors/secret-hypervisor/start-again/", {}),
        ("post", "/hypervisors/lab/start-again/", {}),
    ]
    return found


RED_FREE = "52:54:00:00:12:35"


def _row(**values: str) -> dict[str, str]:
    return {
        f"nic_{name}": value for name, value in ({"network": "" if "bridge" in values else "rednet"} | values).items()
    }
