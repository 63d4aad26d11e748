"""Reservations in the database and in libvirt's test driver."""

from collections.abc import Callable
from dataclasses import replace

import libvirt
import pytest

from networks.definition.document.parse import parse
from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations.reservations import Conflict, HostRow, remove, reserve, rows

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
NETWORK = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.99'/></dhcp></ip>
<ip family='ipv6' address='fd00:5::1' prefix='64'><dhcp><range start='fd00:5::100' end='fd00:5::1ff'/></dhcp></ip>
</network>"""

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
# Entries from outside the portal that no test changes.
BYSTANDERS = {
    "52:54:00:aa:00:01 10.5.0.77 aside 12h": "<host mac='52:54:00:aa:00:01' name='aside' ip='10.5.0.77'>"
    "<lease expiry='12' unit='hours'/></host>",
    "10.5.0.78 by-name": "<host name='by-name' ip='10.5.0.78'/>",
    "id:00:04:58:fd:e4:15 fd00:5::77 aside": "<host id='00:04:58:fd:e4:15' name='aside' ip='fd00:5::77'/>",
}
WRITERS = (
    *((libvirt.virConnect, name) for name in ("networkDefineXML", "networkCreateXML")),
    *((libvirt.virNetwork, name) for name in ("create", "destroy", "undefine", "setAutostart")),
)


def four(number: int, **values: object) -> HostSpec:
    """Return the entry of a guest that is identified by its MAC."""
    return replace(HostSpec(mac=f"52:54:00:00:00:{number:02x}", ip=f"10.5.0.{number}", name=f"vm-{number}"), **values)


def six(number: int, **values: object) -> HostSpec:
    """Return the entry of a guest that is identified by its DUID."""
    host = HostSpec(duid=f"00:03:00:01:52:54:00:00:00:{number:02x}", ip=f"fd00:5::{number}", name=f"vm-{number}")
    return replace(host, **values)


def named(number: int, **values: object) -> HostSpec:
    """Return the entry of a guest that is identified only by its name."""
    return replace(HostSpec(ip=f"10.5.0.{number}", name=f"vm-{number}"), **values)


EIGHT, NINE, SIX, TEN = four(8), four(9), six(6), named(10)


def by_others(raw: libvirt.virConnect, command: str, xml: str) -> None:
    """Change a DHCP reservation as with virsh net-update --live --config."""
    commands = {
        "add": libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
        "modify": libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
        "delete": libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
    }
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    section, block = libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, int("fd00" in xml)
    raw.networkLookupByName("net1").update(commands[command], section, block, xml, flags)


def element(host: HostSpec) -> str:
    mac = f"mac='{host.mac}'" if host.mac else ""
    return f"<host {mac} name='{host.name}' ip='{host.ip}'/>"


def in_libvirt(raw: libvirt.virConnect) -> set[str]:
    """Return the DHCP reservations that libvirt has, as lines."""
    found = list(map(str, parse(raw.networkLookupByName("net1").XMLDesc()).hosts))
    assert len(found) == len(set(found))
    return set(found)


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def desired(network: Network, *hosts: HostSpec, was: str = "") -> None:
    reserve(again(network), hosts, None, was=was)


def take_away(network: Network, *hosts: HostSpec) -> list[HostSpec]:
    return remove(again(network), [host.ip for host in hosts], None)


def states(network: Network) -> dict[str, str]:
    """Return the state of each row except the bystanders, by address."""
    return {row.host.ip: row.state.value for row in rows(again(network)) if str(row.host) not in BYSTANDERS}


def saved_entries(network: Network) -> set[str]:
    return {f"{host}{' no longer' if host.removed_at else ''}" for host in network.hosts.all()}


def settled(network: Network, push: Callable[[], set[str]]) -> set[str]:
    """Assert what libvirt has after a push. Only for a managed network the database keeps the entries."""
    found = push()
    assert saved_entries(network) == (found if network.managed else set())
    return found


def texts(*hosts: HostSpec) -> set[str]:
    return set(map(str, hosts))


def found(network: Network, *hosts: HostSpec) -> None:
    """Record that libvirt has these entries too."""
    network.found_hosts.bulk_create(network.found_hosts.model.of(network, host) for host in hosts)


def refused(network: Network, *hosts: HostSpec, was: str = "") -> tuple[tuple[str, str], ...]:
    """Return the errors of refused entries, of which none is saved."""
    before = saved_entries(network), again(network).generation
    with pytest.raises(Conflict) as problem:
        desired(network, *hosts, was=was)
    assert (saved_entries(network), again(network).generation) == before
    return tuple((field, str(reason)) for field, reason in problem.value.errors)


def row(network: Network, host: HostSpec) -> HostRow:
    (only,) = (row for row in rows(again(network)) if row.host == host)
    return only
