"""Domains, which are VMs: which there are, their definitions, devices, traffic and addresses."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.sax.saxutils import escape

import libvirt
from lxml import etree

from virterweb.hypervisors.gateway import temporary
from virterweb.hypervisors.gateway.bounds import bounded
from virterweb.hypervisors.gateway.found import (
    Busy,
    FoundAddress,
    FoundDomain,
    FoundTraffic,
    Guard,
    Refused,
    Silent,
    fail_on_unreadable,
)
from virterweb.hypervisors.gateway.marks import NAMESPACE, PREFIX, Mark
from virterweb.hypervisors.gateway.nouns.power import (
    STATE_NUMBERS,
    reason_of_state,
    reasons_of_stopped,
    stopped_reason,
)
from virterweb.hypervisors.gateway.session import NO_AGENT, Session, affect, object_name
from virterweb.messages import Message

_STATES = {
    "running": libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING,
    "paused": libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED,
    "off": libvirt.VIR_CONNECT_LIST_DOMAINS_SHUTOFF,
    "other": libvirt.VIR_CONNECT_LIST_DOMAINS_OTHER,
}
_COUNTERS = ("bytes", "pkts", "errs", "drop")
_ADDRESS_SOURCES = {
    "lease": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
    "agent": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
    "arp": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
}
_ARP_COMPLETE = 0x2  # ATF_COM of <linux/if_arp.h>: the neighbour has answered


class Domains:
    """The domains of a hypervisor, each named by its UUID."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self, guard: Guard = fail_on_unreadable) -> list[FoundDomain]:
        with self._session.calling(Message("domains.all")):
            lists = {state: self._vms(flag) for state, flag in _STATES.items()}
            persistent, saved, autostart = (
                {domain.UUIDString() for domain in self._session.libvirt.listAllDomains(flag)}
                for flag in (
                    libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT,
                    libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE,
                    libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART,
                )
            )
            reasons = reasons_of_stopped(self._session.libvirt)
        found = {}
        for state, domains in lists.items():
            for domain in domains:
                uuid, gone = domain.UUIDString(), libvirt.VIR_ERR_NO_DOMAIN  # since the list was made
                with guard(uuid, object_name(domain)), self._session.calling(Message("domains.all_one"), gone):
                    found[uuid] = FoundDomain(
                        uuid=uuid,
                        name=domain.name(),
                        **self._documents(domain, differ=state != "off" and uuid in persistent),
                        state=state,
                        persistent=uuid in persistent,
                        reason=reason_of_state(domain) if state in ("paused", "other") else reasons.get(uuid, ""),
                        saved=state == "off" and uuid in saved,
                        autostart=uuid in autostart,
                    )
        return list(found.values())

    def _vms(self, flag: int) -> list[libvirt.virDomain]:
        return [one for one in self._session.libvirt.listAllDomains(flag) if not one.name().startswith(temporary.PROBE)]

    def get(self, uuid: str) -> FoundDomain | None:
        with self._session.calling(Message("domains.get"), libvirt.VIR_ERR_NO_DOMAIN):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            state, persistent = STATE_NUMBERS.get(domain.state()[0], "other"), bool(domain.isPersistent())
            return FoundDomain(
                uuid=uuid,
                name=domain.name(),
                **self._documents(domain, differ=state != "off" and persistent),
                state=state,
                persistent=persistent,
                reason=reason_of_state(domain),
                saved=state == "off" and persistent and bool(domain.hasManagedSaveImage()),
                autostart=persistent and bool(domain.autostart()),
                stopped=stopped_reason(domain),
            )
        return None

    def _documents(self, domain: libvirt.virDomain, *, differ: bool) -> dict[str, str | Mark | None]:
        """Return the documents of a domain, which may `differ`, and which other portal was the last to define it."""
        stored = _stored_domain(domain) if differ else ""
        (stored, document), other = self._session.unmarked(stored, self._document(domain))
        return {"document": document, "stored": stored, "other": other}

    def _document(self, domain: libvirt.virDomain) -> str:
        """Return the document of a domain; a NIC that is being reconnected counts as on its network."""
        document = domain.XMLDesc()
        for uuid in temporary.named_in(document):
            with suppress(libvirt.libvirtError):  # the network is gone meanwhile
                name = escape(self._session.libvirt.networkLookupByUUIDString(uuid).name(), {"'": "&apos;"})
                document = document.replace(temporary.network_name(uuid), name)
        return document

    def uuid_of(self, name: str) -> str | None:
        with self._session.calling(Message("domains.uuid_of", name=name), libvirt.VIR_ERR_NO_DOMAIN):
            return self._session.libvirt.lookupByName(name).UUIDString()
        return None

    def stored_document(self, uuid: str) -> str:
        """Return the definition that the next start of the VM uses, with its passwords, which redefining needs."""
        with self._session.calling(Message("domains.stored_document")):
            flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
            document = self._session.libvirt.lookupByUUIDString(uuid).XMLDesc(flags)
            return self._session.unmarked(document)[0][0]

    def define(self, document: str, name: str) -> None:
        with self._session.calling(Message("domains.define", name=name)):
            self._session.libvirt.defineXML(self._session.marked(document))

    def sign(self, uuid: str, name: str) -> None:
        """Leave the portal's mark in the stored definition, as after changes that did not define it."""
        gone = libvirt.VIR_ERR_NO_DOMAIN
        with suppress(Refused, Busy), self._session.calling(Message("domains.define", name=name), gone):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if domain.isPersistent() and not self._session.is_marked(_stored_domain(domain)):
                kind, flags = libvirt.VIR_DOMAIN_METADATA_ELEMENT, libvirt.VIR_DOMAIN_AFFECT_CONFIG
                domain.setMetadata(kind, self._session.mark.element, PREFIX, NAMESPACE, flags)

    def grow_live(self, uuid: str, name: str, *, memory: int = 0, vcpus: int = 0) -> None:
        """Give a running domain more memory, in MiB, and vCPUs, as far as it was started with room for them."""
        live, most = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_VCPU_MAXIMUM
        with self._session.calling(Message("domains.grow_live", name=name)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if domain.info()[2] < memory * 1024 <= domain.maxMemory():
                domain.setMemoryFlags(memory * 1024, live)
            if domain.vcpusFlags(live) < vcpus <= domain.vcpusFlags(live | most):
                domain.setVcpusFlags(vcpus, live)

    def rename(self, uuid: str, name: str) -> None:
        """Give a domain that is off another name."""
        with self._session.calling(Message("domains.rename", name=name)):
            self._session.libvirt.lookupByUUIDString(uuid).rename(name)

    def undefine(self, uuid: str, name: str) -> None:
        """Delete the definition and what libvirt keeps about it: NVRAM, managed save, snapshots, checkpoints."""
        flags = (
            libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
            | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
        )
        with self._session.calling(Message("domains.undefine", name=name), libvirt.VIR_ERR_NO_DOMAIN):
            self._session.libvirt.lookupByUUIDString(uuid).undefineFlags(flags)

    def attach_nic(self, uuid: str, device: str, mac: str, *, live: bool, stored: bool) -> None:
        with self._session.calling(Message("domains.attach_nic", mac=mac)):
            self._session.libvirt.lookupByUUIDString(uuid).attachDeviceFlags(device, affect(live, stored))

    def update_nic(self, uuid: str, device: str, mac: str) -> None:
        """Change a NIC of a running VM. libvirt may report success and change nothing, so read the result."""
        with self._session.calling(Message("domains.update_nic", mac=mac)):
            self._session.libvirt.lookupByUUIDString(uuid).updateDeviceFlags(device, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def detach_nic(self, uuid: str, device: str, mac: str, *, live: bool, stored: bool) -> None:
        """Request the release of a NIC: a running guest has to cooperate, so check whether it is gone."""
        gone = (libvirt.VIR_ERR_DEVICE_MISSING, libvirt.VIR_ERR_NO_DOMAIN)
        with self._session.calling(Message("domains.detach_nic", mac=mac), *gone):
            self._session.libvirt.lookupByUUIDString(uuid).detachDeviceFlags(device, affect(live, stored))

    def traffic(self) -> dict[str, dict[str, FoundTraffic]]:
        """Return the traffic of the NICs of all active domains, by UUID and host device. The call never blocks."""
        flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        found: dict[str, dict[str, FoundTraffic]] = {}
        with self._session.calling(Message("domains.traffic"), libvirt.VIR_ERR_NO_SUPPORT):
            for domain, values in self._session.libvirt.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_INTERFACE, flags):
                found[domain.UUIDString()] = {
                    values[f"net.{index}.name"]: FoundTraffic(
                        received=tuple(bounded(values.get(f"net.{index}.rx.{name}", 0)) for name in _COUNTERS),
                        sent=tuple(bounded(values.get(f"net.{index}.tx.{name}", 0)) for name in _COUNTERS),
                    )
                    for index in range(values.get("net.count", 0))
                    if f"net.{index}.name" in values
                }
        return found

    def interface_addresses(self, uuid: str, source: str) -> list[FoundAddress]:
        """Return the addresses of a VM's NICs from leases, guest agent or ARP table; empty if the source has none.

        Raises Silent if there is an agent that does not answer. One that hangs blocks the caller: libvirt waits 5 s for
        its first answer, and without limit for the next.
        """
        with self._session.calling(Message("domains.interface_addresses"), *NO_AGENT), _answering():
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if source == "arp" and (table := _arp_table(self._session.pid)) is not None:
                macs = _macs(domain) if domain.isActive() else set()
                return [
                    FoundAddress(mac=mac, ip=ip, prefix=0, source=source, device=device)
                    for ip, mac, device in table
                    if mac in macs
                ]
            interfaces = domain.interfaceAddresses(_ADDRESS_SOURCES[source], 0)
            return [
                FoundAddress(
                    mac=(interface["hwaddr"] or "").lower(),
                    ip=address["addr"],
                    prefix=address["prefix"],
                    source=source,
                )
                for interface in interfaces.values()
                for address in interface["addrs"] or ()
            ]
        return []


def _stored_domain(domain: libvirt.virDomain) -> str:
    """Return the stored definition of a running domain, without its passwords."""
    return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)


@contextmanager
def _answering() -> Iterator[None]:
    """Raise Silent for an agent that does not answer, which differs from one without an answer."""
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() in (libvirt.VIR_ERR_AGENT_UNRESPONSIVE, libvirt.VIR_ERR_AGENT_UNSYNCED):
            raise Silent(Message("agent.silent"), str(error)) from error
        raise


def _arp_table(pid: int | None) -> list[tuple[str, str, str]] | None:
    """Return IP, MAC and device of each neighbour of a local hypervisor's host; None if /proc does not show them.

    libvirt reads the same table, but libvirt 9.0 fails from Linux 6.10 on: "wrong nlmsg len".
    """
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/net/arp").read_text().splitlines()[1:]
        entries = [line.split() for line in lines]
        return [(ip, mac.lower(), dev) for ip, _, flags, mac, _, dev in entries if int(flags, 16) & _ARP_COMPLETE]
    return None


def _macs(domain: libvirt.virDomain) -> set[str]:
    return {mac.get("address").lower() for mac in etree.fromstring(domain.XMLDesc()).iterfind("devices/interface/mac")}
