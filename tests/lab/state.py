"""The content of libvirt, read without the portal: to compare states, and to clean up after a failed test."""

import contextlib
import json
from pathlib import Path

import libvirt
from lab import Lab
from lxml import etree

GONE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


def things(host: libvirt.virConnect) -> dict[str, list[str]]:
    """Everything that a test could leave behind in a lab."""
    pool = host.storagePoolLookupByName("default")
    pool.refresh()
    default = host.networkLookupByName("default")
    stored = etree.fromstring(default.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
    return {
        "networks": sorted(network.name() for network in host.listAllNetworks()),
        "domains": sorted(domain.name() for domain in host.listAllDomains()),
        "volumes": sorted(volume.name() for volume in pool.listAllVolumes()),
        "DHCP reservations": [f"{entry.get('mac')} {entry.get('ip')}" for entry in stored.iter("host")],
        "leases": sorted(lease["ipaddr"] for lease in default.DHCPLeases()),
    }


def left_over(now: dict[str, list[str]], before: dict[str, list[str]]) -> dict[str, list[str]]:
    """What there is now that was not there before, without leases, which end by themselves."""
    extra = {kind: [name for name in now[kind] if name not in before[kind]] for kind in now if kind != "leases"}
    return {kind: names for kind, names in extra.items() if names}


def clear(host: libvirt.virConnect, extra: dict[str, list[str]]) -> None:
    """Take away what was left over, so that one test's failure is not the next one's."""
    for name in extra.get("domains", []):
        domain = host.lookupByName(name)
        if domain.isActive():
            domain.destroy()
        with contextlib.suppress(libvirt.libvirtError):  # a transient one is gone
            domain.undefineFlags(GONE)
    for name in extra.get("networks", []):
        network = host.networkLookupByName(name)
        if network.isActive():
            network.destroy()
        with contextlib.suppress(libvirt.libvirtError):
            network.undefine()
    for name in extra.get("volumes", []):
        host.storagePoolLookupByName("default").storageVolLookupByName(name).delete()
    default = host.networkLookupByName("default")
    for entry in extra.get("DHCP reservations", []):
        mac, address = entry.split()
        default.update(
            libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
            libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
            -1,
            f"<host mac='{mac}' ip='{address}'/>",
            libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG,
        )


def release_leases(lab: Lab, host: libvirt.virConnect) -> None:
    """End the leases of guests that are gone: otherwise they would end during a later test."""
    default = host.networkLookupByName("default")
    for lease in default.DHCPLeases() if default.isActive() else ():
        client = [lease["clientid"]] if lease["clientid"] else []
        lab.run("dhcp_release", default.bridgeName(), lease["ipaddr"], lease["mac"], *client)


def remove_leftovers(lab: Lab, host: libvirt.virConnect) -> None:
    """Remove what a killed libvirt has left of networks: unknown dnsmasq processes, and bridges without a network."""
    active = [network for network in host.listAllNetworks() if network.isActive()]
    names = {network.name() for network in active}
    for line in lab.run("sh", "-c", "pgrep -a dnsmasq || true").splitlines():
        pid, _, command = line.partition(" ")
        if Path(command.partition("--conf-file=")[2].split()[0]).stem not in names:
            lab.run("sh", "-c", f"kill {pid} || true")  # it may have ended with its parent
    used = {bridge for network in active for bridge in etree.fromstring(network.XMLDesc()).xpath("bridge/@name")}
    for link in json.loads(lab.run("ip", "-j", "link", "show", "type", "bridge") or "[]"):
        if link["ifname"].startswith("virbr") and link["ifname"] not in used:
            lab.run("ip", "link", "delete", link["ifname"])
