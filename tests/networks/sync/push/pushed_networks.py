"""Networks in libvirt's test driver, and how a worker pushes them."""

from dataclasses import replace

import libvirt

from networks import sync
from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.models import Network, NetworkRevision
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.sync import observe

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
OTHERS = """<network><name>others</name><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.9'/></dhcp></ip></network>"""


def push(network: Network) -> Network:
    carry_out(Network, network.pk, sync.push)
    return again(network)


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


GUEST = """<domain type='test'><name>alma-8-8</name><memory>1024</memory><os><type>hvm</type></os><devices>
<interface type='network'><mac address='52:54:00:80:00:08'/><source network='net1'/></interface></devices></domain>"""
WRITERS = (
    *((libvirt.virConnect, name) for name in ("networkDefineXML", "networkCreateXML")),
    *((libvirt.virNetwork, name) for name in ("create", "destroy", "undefine", "update", "setAutostart")),
)


def change(network: Network, accepted: bool = True, **fields: object) -> Network:
    """Change fields of the network as a form does, with the steps that it showed, and push it."""
    wanted = replace(network.wanted, document=edit(network.full_document, replace(network.spec, **fields)))
    observe(network.hypervisor_id)
    steps = [step.as_json() for step in again(network).plan(wanted)] if accepted else None
    network.change(Event.CHANGED, document=wanted.document, accepted=steps)
    return push(network)


def subnet_with(network: Network, **values: object) -> tuple:
    return (replace(network.spec.subnets[0], **values),)


def stored(raw: libvirt.virConnect) -> str:
    return raw.networkLookupByName("net1").XMLDesc()


def latest(network: Network) -> NetworkRevision:
    return network.revisions.first()


def redefine(raw: libvirt.virConnect, old: str, new: str, active: bool = True) -> None:
    """Redefine the network outside the portal. The test driver accepts a definition only while it is inactive."""
    found = raw.networkLookupByName("net1")
    document = stored(raw).replace(old, new, 1)
    if active:
        found.destroy()
    raw.networkDefineXML(document)
    if active:
        found.create()


OUTSIDE = {
    "their DNS host": ("<ip ", "<dns><host ip='10.255.0.9'><hostname>external</hostname></host></dns><ip "),
    "their domain": ("<ip ", "<domain name='external'/><ip "),
    "their port group": ("</network>", "<portgroup name='external'/></network>"),
    "their DHCP reservation": ("</dhcp>", "<host mac='52:54:00:aa:00:01' ip='10.255.0.77'/></dhcp>"),
    "their MTU": ("<ip ", "<mtu size='1400'/><ip "),
    "their range": ("end='10.255.0.254'", "end='10.255.0.200'"),
}
