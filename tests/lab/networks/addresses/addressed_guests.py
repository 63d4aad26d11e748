"""Two guests on a network, and what the portal says about their addresses."""

import re
from dataclasses import dataclass

import libvirt
from lab import Lab

from tests.lab.guest import Console
from tests.support.portal import Portal
from tests.support.waiting import wait_for

PAGE = "/networks/lab/addr/"


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A guest with its NIC on the network. `card` is the name of the NIC in the guest."""

    name: str
    mac: str
    card: str
    console: Console

    @property
    def ips(self) -> set[str]:
        return set(re.findall(r"inet ([\d.]+)/", self.console.run(f"ip -4 addr show dev {self.card}")))

    def renew(self) -> None:
        self.console.run(f"read -r index client </run/{self.card}; kill -USR1 $client")

    def stop_dhcp(self) -> None:
        """Delete the address in the guest and keep the lease."""
        self.console.run(
            f"read -r index client </run/{self.card}; kill $client; while kill -0 $client; do usleep 50000; done "
            f"2>/dev/null; ip address flush dev {self.card} scope global"
        )

    def request_lease_again(self, *options: str) -> None:
        """Request an address as a new client with these options."""
        self.stop_dhcp()
        client = f"udhcpc -f -i {self.card} -s /lease -x hostname:{self.name} -t 60 -T 1 -A 1 {' '.join(options)}"
        index = f"$(cat /sys/class/net/{self.card}/ifindex)"
        self.console.run(f'({client} >/dev/null 2>&1 & echo "{index} $!" >/run/{self.card})')

    def take(self, ip: str) -> None:
        """Use an address without a lease."""
        self.console.run(f"ip address add {ip}/24 dev {self.card}")

    def greet(self) -> None:
        """Send a packet, so that the ARP table of the host has the address."""
        self.console.run(f"ip neigh flush dev {self.card}; ping -c 1 -w 2 10.61.0.1")


def at_console(host: libvirt.virConnect, name: str, mac: str) -> Guest:
    console = Console(host.lookupByName(name))
    card = re.search(r"eth\d", console.run(f"grep -l {mac} /sys/class/net/eth*/address"))[0]
    return Guest(name=name, mac=mac, card=card, console=console)


def let_go(host: libvirt.virConnect, lab: Lab, guest: Guest) -> None:
    """Release all leases and addresses of a guest."""
    guest.stop_dhcp()
    for lease in leases(host):
        if lease["mac"] == guest.mac:
            bridge = host.networkLookupByName("addr").bridgeName()
            lab.run("dhcp_release", bridge, lease["ipaddr"], guest.mac, lease["clientid"])
    wait_for(lambda: not leased(host, guest.mac), 20, f"{guest.name} has no lease")


def leased(host: libvirt.virConnect, mac: str) -> set[str]:
    return {lease["ipaddr"] for lease in leases(host) if lease["mac"] == mac}


def leases(host: libvirt.virConnect) -> list[dict]:
    return host.networkLookupByName("addr").DHCPLeases()


def document(host: libvirt.virConnect, flags: int = 0) -> str:
    return host.networkLookupByName("addr").XMLDesc(flags)


def only(ips: set[str]) -> str:
    (ip,) = ips
    return ip


def problem(portal: Portal, kind: str) -> str:
    """Return the text of a problem with the name of its step, "" if there is none of this kind."""
    found = portal.get(f"{PAGE}problems/").xpath("//ul[@class='problems']/li")
    said = [re.sub(r"\s+", " ", each.text_content()).strip() for each in found]
    return next((text.removeprefix(kind).strip() for text in said if text.startswith(kind)), "")


def cell(portal: Portal, ip: str) -> tuple[str, str]:
    """Return how the map shows an address: its class and its text."""
    (found,) = portal.get(f"{PAGE}addresses/").xpath(f"//div[@role='group']/a[starts-with(@title, '{ip}: ')]")
    return found.get("class"), found.get("title").removeprefix(f"{ip}: ")
