"""What is in libvirt, seen beside the portal: to compare before and after."""

import libvirt
from lxml import etree


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
        "host entries": [f"{entry.get('mac')} {entry.get('ip')}" for entry in stored.iter("host")],
        "leases": sorted(lease["ipaddr"] for lease in default.DHCPLeases()),
    }
