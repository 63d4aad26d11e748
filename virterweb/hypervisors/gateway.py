"""The only file that imports libvirt: connections, its verbs in our words, one error family.

No libvirt object leaves it. "Already so" is success.
"""

import base64
import errno
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import libvirt
import libvirt_qemu
from lxml import etree

from . import peer
from .found import (
    Busy,
    FoundAddress,
    FoundDomain,
    FoundLease,
    FoundNetwork,
    FoundOutput,
    FoundPort,
    FoundTraffic,
    FoundVolume,
    NetworkUpdate,
    Refused,
    Silent,
    Unreachable,
)

KEEP_ALIVE = (2, 3)  # a ping every 2 s; dead after three without answer

listener: Callable[[int], None] | None = None
"""Called with the hypervisor's id, from libvirt's event thread, when something there has changed."""


_LOST = {libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_INVALID_CONN, libvirt.VIR_ERR_RPC}
_BUSY = {libvirt.VIR_ERR_OPERATION_TIMEOUT, libvirt.VIR_ERR_RESOURCE_BUSY}
_STATES = {
    "running": libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING,
    "paused": libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED,
    "off": libvirt.VIR_CONNECT_LIST_DOMAINS_SHUTOFF,
    "other": libvirt.VIR_CONNECT_LIST_DOMAINS_OTHER,
}
_READABLE = [
    (r"Network is already in use by interface (\S+)", r"its block is already routed through \1 on the host"),
    (
        r"No more available PCI slots",
        "the VM has no free PCI slot left; shut it down, then it is added at the next start",
    ),
    (r"Network not found: no network with matching name '(.+)'", r"there is no network \1"),
    (r"network '(.+)' is not active", r"the network \1 is not active"),
    (r"Cannot get interface MTU on '(.+)': No such device", r"the host has no bridge \1"),
    (
        r"dnsmasq: failed to create listening socket for (\S+): Address already in use",
        r"another name server has \1 on the host, such as a dnsmasq that a killed libvirtd left; end that one there",
    ),
    (
        r"error creating bridge interface (\S+): File exists",
        r"the host has a device \1 already; give the network another bridge, or delete it there if nobody needs it",
    ),
    (r"cannot allocate memory|Cannot allocate memory", "the host has not enough memory"),
    (r"No space left on device", "the pool is full"),
]


def _reason(error: libvirt.libvirtError) -> str:
    """libvirt's message as the end of a sentence."""
    message = error.get_error_message() or str(error)
    for pattern, words in _READABLE:
        if match := re.search(pattern, message):
            return match.expand(words)
    return re.sub(r"^(internal error|operation failed|unsupported configuration|XML error): ", "", message.strip())


_loop: threading.Thread | None = None
_loop_lock = threading.Lock()


def start_event_loop() -> None:
    """Run libvirt's event loop: without it no events arrive and keep-alive notices nothing."""
    global _loop
    with _loop_lock:
        if _loop:
            return
        libvirt.registerErrorHandler(lambda context, error: None, None)
        libvirt.virEventRegisterDefaultImpl()
        _loop = threading.Thread(target=_run_event_loop, name="libvirt-events", daemon=True)
        _loop.start()


def _run_event_loop() -> None:
    # The loop sleeps until a file descriptor moves; a timer makes it notice what other threads registered meanwhile.
    libvirt.virEventAddTimeout(500, lambda timer, opaque: None, None)
    while True:
        libvirt.virEventRunDefaultImpl()


class Host:
    """An open hypervisor. Objects are named by UUID or name, documents are XML text."""

    def __init__(self, hypervisor_id: int, uri: str) -> None:
        self.uri = uri
        try:
            self._connection = libvirt.open(uri)
        except libvirt.libvirtError as error:
            raise Unreachable("libvirt cannot be reached", str(error)) from error
        self._closed = False
        self._watch(hypervisor_id)
        with suppress(libvirt.libvirtError):  # the test driver has no keep-alive
            self._connection.setKeepAlive(*KEEP_ALIVE)
        self._pid = peer.peer_pid(uri)

    def _watch(self, hypervisor_id: int) -> None:
        """Say to the listener that something changed, whatever it was."""
        connection = self._connection

        def changed(*args: object) -> None:
            if listener:
                listener(hypervisor_id)

        def closed(*args: object) -> None:
            self._closed = True
            changed()

        for register, events in (
            (connection.domainEventRegisterAny, _DOMAIN_EVENTS),
            (connection.networkEventRegisterAny, [libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE]),
        ):
            for event in events:
                with suppress(libvirt.libvirtError):  # a driver or an older daemon without that event
                    register(None, event, changed, None)
        with suppress(libvirt.libvirtError):
            connection.registerCloseCallback(closed, None)

    def alive(self) -> bool:
        try:
            return not self._closed and bool(self._connection.isAlive())
        except libvirt.libvirtError:
            return False

    def close(self) -> None:
        self._closed = True
        with suppress(libvirt.libvirtError):
            self._connection.close()

    @contextmanager
    def _trying(self, what: str, *already: int) -> Iterator[None]:
        """Turn libvirt's errors into ours; the codes in `already` mean that it is so, and are none."""
        try:
            yield
        except libvirt.libvirtError as error:
            code = error.get_error_code()
            if code in already:
                return
            if code in _LOST or not self.alive():
                raise Unreachable("the connection to libvirt was lost", str(error)) from error
            if code in _BUSY:
                raise Busy(f"libvirt is busy: could not {what}", str(error)) from error
            raise Refused(f"Could not {what}: {_reason(error)}", str(error)) from error

    def version(self) -> str:
        with self._trying("ask for the version"):
            number = self._connection.getLibVersion()
            return f"libvirt {number // 1000000}.{number // 1000 % 1000}.{number % 1000}"

    def memory(self) -> int:
        """MiB of the host."""
        with self._trying("ask for the host's memory"):
            return self._connection.getInfo()[1]

    def nic_models(self) -> list[str]:
        """The NIC models that the hypervisor's QEMU has for its own architecture.

        libvirt's capabilities do not list them, only QEMU's version and the architecture that they follow from.
        """
        with self._trying("ask which NICs there are"):
            version = self._connection.getVersion()
            arch = self._connection.getInfo()[0]
        return [
            model for model, (since, archs) in _NIC_MODELS.items() if version >= since and arch in (archs or [arch])
        ]

    def routes(self) -> list[list[str]]:
        """Blocks that the hypervisor's host routes, each with its device; known only where /proc shows them."""
        return peer.routes(self._pid) if self._pid else []

    # networks

    def networks(self) -> list[FoundNetwork]:
        with self._trying("list the networks"):
            active, autostart, persistent = (
                {network.UUIDString() for network in self._connection.listAllNetworks(flag)}
                for flag in (
                    libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE,
                    libvirt.VIR_CONNECT_LIST_NETWORKS_AUTOSTART,
                    libvirt.VIR_CONNECT_LIST_NETWORKS_PERSISTENT,
                )
            )
            networks = self._connection.listAllNetworks()
        found = []
        for network in networks:
            with self._trying("read a network", libvirt.VIR_ERR_NO_NETWORK):  # gone since the list was made
                uuid = network.UUIDString()
                found.append(
                    FoundNetwork(
                        uuid=uuid,
                        name=network.name(),
                        document=(document := network.XMLDesc()),
                        stored=_stored(network) if uuid in active & persistent else document,
                        active=uuid in active,
                        autostart=uuid in autostart,
                        persistent=uuid in persistent,
                    )
                )
        return found

    def network(self, uuid: str) -> FoundNetwork | None:
        with self._trying("read a network", libvirt.VIR_ERR_NO_NETWORK):
            network = self._connection.networkLookupByUUIDString(uuid)
            active, persistent = bool(network.isActive()), bool(network.isPersistent())
            return FoundNetwork(
                uuid=uuid,
                name=network.name(),
                document=(document := network.XMLDesc()),
                stored=_stored(network) if active and persistent else document,
                active=active,
                autostart=bool(persistent and network.autostart()),
                persistent=persistent,
            )
        return None

    def network_uuid(self, name: str) -> str | None:
        with self._trying(f"look for network {name}", libvirt.VIR_ERR_NO_NETWORK):
            return self._connection.networkLookupByName(name).UUIDString()
        return None

    def define_network(self, document: str, name: str) -> None:
        with self._trying(f"define network {name}"):
            self._connection.networkDefineXML(document)

    def autostart_network(self, uuid: str, name: str, autostart: bool) -> None:
        with self._trying(f"set network {name} to {'start' if autostart else 'not start'} with the host"):
            self._connection.networkLookupByUUIDString(uuid).setAutostart(autostart)

    def start_network(self, uuid: str, name: str) -> None:
        with self._trying(f"start network {name}"):
            network = self._connection.networkLookupByUUIDString(uuid)
            if not network.isActive():
                network.create()

    def stop_network(self, uuid: str, name: str) -> None:
        gone = (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_OPERATION_INVALID)
        with self._trying(f"stop network {name}", *gone):
            self._connection.networkLookupByUUIDString(uuid).destroy()

    def undefine_network(self, uuid: str, name: str) -> None:
        gone = (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_OPERATION_INVALID)
        with self._trying(f"undefine network {name}", *gone):
            self._connection.networkLookupByUUIDString(uuid).undefine()

    def update_network(self, uuid: str, update: "NetworkUpdate", what: str) -> None:
        """Change one entry of one of a network's lists, live, stored or both; deleting one that is gone is fine."""
        deleting = update.command.value == "delete"
        with self._trying(what[0].lower() + what[1:], *((libvirt.VIR_ERR_OPERATION_INVALID,) if deleting else ())):
            network = self._connection.networkLookupByUUIDString(uuid)
            flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE if update.live else 0
            if update.stored and network.isPersistent():
                flags |= libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
            command, section = _UPDATES[update.command.value], _SECTIONS[update.section]
            network.update(command, section, update.index, update.xml, flags)

    def network_nics(self, uuid: str) -> list[FoundPort]:
        """The NICs of running VMs on a network, whether they are on the wire or hang since it was restarted."""
        with self._trying("ask who hangs on a network", libvirt.VIR_ERR_NO_NETWORK):
            network = self._connection.networkLookupByUUIDString(uuid)
            name, bridge, ports = network.name(), _bridge(network), _port_ids(network)
            running = self._connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
            return [nic for domain in running for nic in _nics_on(domain, name, bridge, ports)]
        return []

    def replug(self, nic: FoundPort, uuid: str) -> None:
        """Put a NIC that hangs in the air back on its network, unseen by the guest's driver.

        libvirt does nothing when told what it believes already: so first as a NIC of the bridge, then of the network.
        """
        with self._trying(f"put NIC {nic.mac} of {nic.vm} back on the wire"):
            network = self._connection.networkLookupByUUIDString(uuid)
            domain = self._connection.lookupByUUIDString(nic.vm_uuid)
            interface = etree.fromstring(nic.document)
            group = interface.find("source").get("portgroup")
            back = {"network": network.name()} | ({"portgroup": group} if group else {})
            if not nic.half_way:
                _rewire(domain, interface, "bridge", {"bridge": _bridge(network)})
            _rewire(domain, interface, "network", back)

    def leases(self, uuid: str) -> list[FoundLease]:
        """The DHCP leases of an active network; none for one that is gone, or on libvirt's test driver."""
        gone = (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_SUPPORT)
        with self._trying("read DHCP leases", *gone):
            return [
                FoundLease(
                    mac=(lease["mac"] or "").lower(),
                    ip=lease["ipaddr"],
                    prefix=lease["prefix"],
                    hostname=lease["hostname"] or "",
                    client_id=lease["clientid"] or "",
                    expires=lease["expirytime"],
                )
                for lease in self._connection.networkLookupByUUIDString(uuid).DHCPLeases()
            ]
        return []

    def release_lease(self, bridge: str, ip: str, mac: str, client_id: str) -> None:
        """Send dnsmasq what a guest sends that gives its address up, as Virter does: libvirt has no call for it.

        Only root can, on the hypervisor itself, with dhcp_release of dnsmasq-utils; Refused else, with the command.
        Of several leases of one MAC, as of a boot loader and of its system, dnsmasq finds all but the latest only by
        their client IDs.
        """
        release = ["dhcp_release", bridge, ip, mac, *([client_id] if client_id else [])]
        by_hand = f"Not released: run “{' '.join(release)}” as root on the hypervisor"
        if not self._pid or os.geteuid() != 0:
            raise Refused(f"{by_hand}, for the portal does not run there as root.")
        command = ["nsenter", f"--net=/proc/{self._pid}/ns/net", *release]
        try:
            subprocess.run(command, timeout=5, check=True, capture_output=True)
        except (OSError, subprocess.SubprocessError) as problem:
            raise Refused(f"{by_hand}, where the package dnsmasq-utils has it.", str(problem)) from problem

    def resolve(self, server: str, questions: Iterable[tuple[str, int]]) -> dict[str, list[str]]:
        """Ask the network's dnsmasq at an address for names, as `peer.resolve` says; libvirt has no part in it.

        Refused where the portal cannot reach it: only root can where the networks are in a namespace of their own.
        """
        if not self._pid:
            raise Refused("The network’s dnsmasq can be asked only by a portal that runs on the hypervisor itself.")
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        asker = peer.open_socket(self._pid, family)
        if asker is None:
            raise Refused("The hypervisor’s networks are in a network namespace that only root can enter.")
        with asker:
            try:
                asker.connect((server, 53))
                return peer.resolve(asker, questions)
            except OSError as problem:
                text = f"No dnsmasq answers at {server}."
                if family == socket.AF_INET6:  # it is tentative until the bridge has a carrier
                    text += " While no guest is on the network, its IPv6 address cannot be used."
                raise Refused(text, str(problem)) from problem

    def tcp_socket(self, address: str, port: int, seconds: float) -> socket.socket:
        """A connection to a guest, from the host's own networks if it is a local one; Refused says why there is none.

        Made beside libvirt. From elsewhere only guests are reached that the portal's machine has a route to.
        """
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = peer.open_socket(self._pid, family, socket.SOCK_STREAM) if self._pid else socket.socket(family)
        if opened is None:
            raise Refused("the hypervisor’s networks are in a network namespace that only root can enter")
        opened.settimeout(seconds)
        try:
            opened.connect((address, port))
        except OSError as problem:
            opened.close()
            if isinstance(problem, ConnectionRefusedError):
                why = f"nothing listens at {address} port {port} (connection refused)"
                raise Refused(why, str(problem)) from problem
            raise Silent(f"{address} does not answer", str(problem)) from problem
        return opened

    # domains

    def domains(self) -> list[FoundDomain]:
        with self._trying("list the VMs"):
            lists = {state: self._connection.listAllDomains(flag) for state, flag in _STATES.items()}
            persistent = {
                domain.UUIDString()
                for domain in self._connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT)
            }
        found = {}
        for state, domains in lists.items():
            for domain in domains:
                with self._trying("read a VM", libvirt.VIR_ERR_NO_DOMAIN):  # gone since the list was made
                    uuid = domain.UUIDString()
                    found[uuid] = FoundDomain(
                        uuid=uuid,
                        name=domain.name(),
                        document=domain.XMLDesc(),
                        state=state,
                        persistent=uuid in persistent,
                    )
        return list(found.values())

    def domain(self, uuid: str) -> FoundDomain | None:
        with self._trying("read a VM", libvirt.VIR_ERR_NO_DOMAIN):
            domain = self._connection.lookupByUUIDString(uuid)
            number = domain.state()[0]
            return FoundDomain(
                uuid=uuid,
                name=domain.name(),
                document=domain.XMLDesc(),
                state=_STATE_NUMBERS.get(number, "other"),
                persistent=bool(domain.isPersistent()),
            )
        return None

    def traffic(self) -> dict[str, dict[str, FoundTraffic]]:
        """What went through the NICs of all active domains: by UUID, by host device. One call, waiting for none."""
        flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        found: dict[str, dict[str, FoundTraffic]] = {}
        with self._trying("read what went through the NICs", libvirt.VIR_ERR_NO_SUPPORT):  # libvirt's test driver
            for domain, values in self._connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_INTERFACE, flags):
                found[domain.UUIDString()] = {
                    values[f"net.{index}.name"]: FoundTraffic(
                        received=tuple(values.get(f"net.{index}.rx.{name}", 0) for name in _COUNTERS),
                        sent=tuple(values.get(f"net.{index}.tx.{name}", 0) for name in _COUNTERS),
                    )
                    for index in range(values.get("net.count", 0))
                    if f"net.{index}.name" in values
                }
        return found

    def interface_addresses(self, uuid: str, source: str) -> list[FoundAddress]:
        """What leases, the guest's agent or the host's ARP table say of a VM's NICs; nothing where none can say.

        An agent that hangs keeps its caller: libvirt waits 5 s for its first word, and without end for the next.
        """
        with self._trying("ask for a VM's addresses", *_NO_ADDRESSES):
            domain = self._connection.lookupByUUIDString(uuid)
            if source == "arp" and (table := _arp_table(self._pid)) is not None:
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

    def run_in_guest(self, uuid: str, command: Iterable[str], seconds: float) -> FoundOutput:
        """Run a program in a guest by its agent and wait for its end; what it wrote, both streams in one.

        As root there, with the agent's environment. Silent if no agent answers or the program takes longer, which it
        then may go on to; Refused if the agent forbids it.
        """
        path, *arguments = command
        # One shell around it joins both streams, which agents before QEMU 8.1 cannot.
        words = ["-c", 'exec 2>&1; exec "$@"', "sh", path, *arguments]
        run = {"path": "/bin/sh", "arg": words, "capture-output": True}
        deadline = time.monotonic() + seconds
        try:
            domain = self._connection.lookupByUUIDString(uuid)
            pid = _ask_agent(domain, "guest-exec", run)["pid"]
            pause = 0.05
            while not (said := _ask_agent(domain, "guest-exec-status", {"pid": pid}))["exited"]:
                if time.monotonic() > deadline:
                    raise Silent(f"{path} did not end within {seconds:.0f} s in the guest")
                time.sleep(pause)
                pause = min(1.0, 1.5 * pause)
        except libvirt.libvirtError as error:
            if error.get_error_code() in _NO_ADDRESSES:
                raise Silent("the guest’s agent does not answer", str(error)) from error
            if error.get_error_code() in _LOST:
                raise Unreachable("libvirt cannot be reached", str(error)) from error
            raise Refused(f"the guest’s agent refuses: {_reason(error)}", str(error)) from error
        except (LookupError, TypeError) as error:  # whatever answers there says what it likes
            raise Refused("the guest’s agent answers something else", str(error)) from error
        try:
            text = base64.b64decode(said.get("out-data", "")).decode(errors="replace")
            return FoundOutput(code=said.get("exitcode", 128 + said.get("signal", 0)), text=text)
        except (TypeError, ValueError) as error:
            raise Refused("the guest’s agent answers something else", str(error)) from error

    def stored_domain(self, uuid: str) -> str:
        """The definition that the next start of the VM takes, with its passwords: defined anew, it keeps them."""
        with self._trying("read a VM"):
            flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
            return self._connection.lookupByUUIDString(uuid).XMLDesc(flags)

    def define_domain(self, document: str, name: str) -> None:
        with self._trying(f"define VM {name}"):
            self._connection.defineXML(document)

    def start_domain(self, uuid: str, name: str) -> None:
        with self._trying(f"start {name}"):
            domain = self._connection.lookupByUUIDString(uuid)
            if not domain.isActive():
                domain.create()

    def shut_down_domain(self, uuid: str, name: str) -> None:
        with self._trying(f"shut down {name}", libvirt.VIR_ERR_OPERATION_INVALID):
            self._connection.lookupByUUIDString(uuid).shutdown()

    def destroy_domain(self, uuid: str, name: str) -> None:
        with self._trying(f"stop {name}", libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN):
            domain = self._connection.lookupByUUIDString(uuid)
            if domain.isActive():
                domain.destroy()

    def undefine_domain(self, uuid: str, name: str) -> None:
        """Delete the definition and what libvirt keeps about it: NVRAM, managed save, snapshots, checkpoints."""
        flags = (
            libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
            | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
        )
        with self._trying(f"undefine {name}", libvirt.VIR_ERR_NO_DOMAIN):
            self._connection.lookupByUUIDString(uuid).undefineFlags(flags)

    def attach_device(self, uuid: str, device: str, what: str, *, live: bool, stored: bool) -> None:
        with self._trying(f"attach {what}"):
            self._connection.lookupByUUIDString(uuid).attachDeviceFlags(device, _affect(live, stored))

    def update_device(self, uuid: str, device: str, what: str) -> None:
        """Change a device of a running VM. libvirt may say success and change nothing: look again."""
        with self._trying(f"change {what}"):
            self._connection.lookupByUUIDString(uuid).updateDeviceFlags(device, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def detach_device(self, uuid: str, device: str, what: str, *, live: bool, stored: bool) -> None:
        """Ask for a device's release: live, the guest has to help, so look again whether it went."""
        gone = (libvirt.VIR_ERR_DEVICE_MISSING, libvirt.VIR_ERR_NO_DOMAIN)
        with self._trying(f"detach {what}", *gone):
            self._connection.lookupByUUIDString(uuid).detachDeviceFlags(device, _affect(live, stored))

    def kvm_works(self) -> bool:
        """Whether KVM guests can be trusted to run: libvirt offers them, and an x86 host's CPU can virtualise.

        /dev/kvm proves nothing: where the CPU shows neither vmx nor svm, guests stop or hang although it is there.
        """
        with self._trying("ask what the host can do"):
            capabilities = etree.fromstring(self._connection.getCapabilities())
            if not capabilities.xpath("guest/arch[@name=/capabilities/host/cpu/arch]/domain[@type='kvm']"):
                return False
            cpu = capabilities.find("host/cpu")
            if cpu.findtext("arch") not in ("x86_64", "i686"):
                return True
            expand = libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES
            model = self._connection.baselineCPU([etree.tostring(cpu, encoding="unicode")], expand)
            names = {feature.get("name") for feature in etree.fromstring(model).iterfind("feature")}
            return bool(names & {"vmx", "svm"})

    # volumes

    def volumes(self, pool: str) -> list[FoundVolume]:
        """What is in a pool; nothing if it does not exist or is not active."""
        gone = (libvirt.VIR_ERR_NO_STORAGE_POOL, libvirt.VIR_ERR_OPERATION_INVALID)
        found: list[FoundVolume] = []
        with self._trying(f"list the volumes of pool {pool}", *gone):
            opened = self._connection.storagePoolLookupByName(pool)
            with suppress(libvirt.libvirtError):  # refused while something is streamed into the pool
                opened.refresh()
            for volume in opened.listAllVolumes():
                with suppress(libvirt.libvirtError):  # deleted since the list was made
                    found.append(FoundVolume(name=volume.name(), path=volume.path(), document=volume.XMLDesc()))
        return found

    def volume(self, pool: str, name: str) -> FoundVolume | None:
        with self._trying(f"look for volume {name} in pool {pool}", libvirt.VIR_ERR_NO_STORAGE_VOL):
            volume = self._connection.storagePoolLookupByName(pool).storageVolLookupByName(name)
            return FoundVolume(name=volume.name(), path=volume.path(), document=volume.XMLDesc())
        return None

    def pool_folder(self, pool: str) -> str:
        """The folder that a pool of files is; "" if it is none, as LVM, or does not exist."""
        with self._trying(f"read pool {pool}", libvirt.VIR_ERR_NO_STORAGE_POOL):
            root = etree.fromstring(self._connection.storagePoolLookupByName(pool).XMLDesc())
            return root.findtext("target/path", "") if root.get("type") in _POOLS_OF_FILES else ""
        return ""

    def file_size(self, pool: str, name: str) -> int | None:
        """Bytes that a volume's file has now, whatever is in it; None if there is no such volume."""
        with self._trying(f"look at volume {name} of pool {pool}", *_NO_VOLUME), _absent_file():
            document = self._find_volume(pool, name).XMLDesc()
            return int(etree.fromstring(document).findtext("physical", "0"))  # left out for an empty file
        return None

    def read_volume(self, pool: str, name: str, offset: int, most: int) -> bytes | None:
        """Up to `most` bytes of a volume from `offset` on, empty at or beyond its end; None if there is none.

        A file that another program makes in the pool's folder is a volume after the pool is refreshed.
        """
        pieces: list[bytes] = []
        with self._trying(f"read volume {name} of pool {pool}", *_NO_VOLUME), _absent_file():
            stream = self._connection.newStream()
            # A length of 0 would mean all of it.
            self._find_volume(pool, name).download(stream, offset, max(1, most))
            stream.recvAll(lambda stream, data, opaque: pieces.append(data), None)
            stream.finish()
            return b"".join(pieces)[:most]
        return None

    def _find_volume(self, pool: str, name: str) -> libvirt.virStorageVol:
        opened = self._connection.storagePoolLookupByName(pool)
        with suppress(libvirt.libvirtError):
            return opened.storageVolLookupByName(name)
        opened.refresh()
        return opened.storageVolLookupByName(name)

    def create_volume(self, pool: str, document: str, name: str) -> None:
        with self._trying(f"make volume {name} in pool {pool}"):
            self._connection.storagePoolLookupByName(pool).createXML(document)

    def delete_volume(self, pool: str, name: str) -> None:
        gone = (libvirt.VIR_ERR_NO_STORAGE_VOL, libvirt.VIR_ERR_NO_STORAGE_POOL)
        with self._trying(f"delete volume {name} of pool {pool}", *gone):
            self._connection.storagePoolLookupByName(pool).storageVolLookupByName(name).delete()

    def upload(
        self, pool: str, name: str, data: BinaryIO, size: int, progress: Callable[[int], None] | None = None
    ) -> None:
        """Stream `size` bytes into a volume, also to a remote hypervisor; `progress` hears how many went."""
        with self._trying(f"upload {name} into pool {pool}"):
            volume = self._connection.storagePoolLookupByName(pool).storageVolLookupByName(name)
            stream = self._connection.newStream()
            volume.upload(stream, 0, size)
            sent = 0

            def chunk(stream: object, count: int, opaque: object) -> bytes:
                nonlocal sent
                piece = data.read(count)
                sent += len(piece)
                if progress and piece:
                    progress(sent)
                return piece

            stream.sendAll(chunk, None)
            stream.finish()


_X86 = ("x86_64", "i686")
_NIC_MODELS = {  # the version of QEMU, as libvirt writes it, that each came with, and the architectures that have it
    "virtio": (0, ()),
    "e1000e": (2_007_000, (*_X86, "aarch64", "ppc64le")),
    "e1000": (0, (*_X86, "aarch64", "ppc64le")),
    "rtl8139": (0, (*_X86, "aarch64", "ppc64le")),
    "igb": (8_000_000, (*_X86, "aarch64")),
}
_NO_VOLUME = (libvirt.VIR_ERR_NO_STORAGE_VOL, libvirt.VIR_ERR_NO_STORAGE_POOL)
_POOLS_OF_FILES = ("dir", "fs", "netfs")
_COUNTERS = ("bytes", "pkts", "errs", "drop")
_STATE_NUMBERS = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTOFF: "off",
}
_ADDRESS_SOURCES = {
    "lease": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
    "agent": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
    "arp": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
}
AGENT_PATIENCE = 5  # seconds
_ARP_COMPLETE = 0x2  # ATF_COM of <linux/if_arp.h>: the neighbour has answered
_NO_ADDRESSES = (
    libvirt.VIR_ERR_NO_DOMAIN,
    libvirt.VIR_ERR_OPERATION_INVALID,  # not running
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,  # it has no agent's channel
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE,
    libvirt.VIR_ERR_AGENT_UNSYNCED,
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
    libvirt.VIR_ERR_NO_SUPPORT,
)
_DOMAIN_EVENTS = [
    libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
]


_UPDATES = {
    "add": libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
    "delete": libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
    "change": libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
}
_SECTIONS = {
    "ip-dhcp-host": libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
    "ip-dhcp-range": libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
    "forward-interface": libvirt.VIR_NETWORK_SECTION_FORWARD_INTERFACE,
    "portgroup": libvirt.VIR_NETWORK_SECTION_PORTGROUP,
    "dns-host": libvirt.VIR_NETWORK_SECTION_DNS_HOST,
    "dns-txt": libvirt.VIR_NETWORK_SECTION_DNS_TXT,
    "dns-srv": libvirt.VIR_NETWORK_SECTION_DNS_SRV,
}


def _stored(network: libvirt.virNetwork) -> str:
    """The stored definition, which an active network may differ from until it is restarted."""
    try:
        return network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_NO_SUPPORT):
            raise
        return network.XMLDesc()  # libvirt's test driver knows only one definition


def _ask_agent(domain: libvirt.virDomain, verb: str, arguments: dict[str, object]) -> dict:
    """What the agent of QEMU's returns to one of its commands; libvirt waits for it for AGENT_PATIENCE."""
    asked = json.dumps({"execute": verb, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuAgentCommand(domain, asked, AGENT_PATIENCE, 0))["return"]


@contextmanager
def _absent_file() -> Iterator[None]:
    """libvirt calls a volume whose file was deleted beside it a system error; it is none to who only looks for it."""
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_SYSTEM_ERROR or error.get_int1() != errno.ENOENT:
            raise


def _bridge(network: libvirt.virNetwork) -> str:
    with suppress(libvirt.libvirtError):
        return network.bridgeName()
    return ""


def _port_ids(network: libvirt.virNetwork) -> set[str] | None:
    """The ports that a network knows of; None where a driver has none to tell, as libvirt's test driver."""
    if not network.isActive():
        return set()
    try:
        return {port.UUIDString() for port in network.listAllPorts()}
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
            return None
        raise


def _arp_table(pid: int | None) -> list[tuple[str, str, str]] | None:
    """IP, MAC and device of each neighbour of a local hypervisor's host; None where /proc does not show them.

    It is the table that libvirt reads, too; yet libvirt 9.0 cannot from Linux 6.10 on: "wrong nlmsg len".
    """
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/net/arp").read_text().splitlines()[1:]
        entries = [line.split() for line in lines]
        return [(ip, mac.lower(), dev) for ip, _, flags, mac, _, dev in entries if int(flags, 16) & _ARP_COMPLETE]
    return None


def _macs(domain: libvirt.virDomain) -> set[str]:
    return {mac.get("address").lower() for mac in etree.fromstring(domain.XMLDesc()).iterfind("devices/interface/mac")}


def _nics_on(domain: libvirt.virDomain, name: str, bridge: str, ports: set[str] | None) -> Iterator[FoundPort]:
    try:
        root = etree.fromstring(domain.XMLDesc())
    except libvirt.libvirtError:  # stopped since the list was made
        return
    for interface in root.iterfind("devices/interface"):
        source = interface.find("source")
        on_it = source is not None and source.get("network") == name
        half_way = bool(bridge) and source is not None and source.get("bridge") == bridge and not on_it
        if on_it or half_way:
            yield FoundPort(
                vm_uuid=domain.UUIDString(),
                vm=domain.name(),
                mac=interface.find("mac").get("address"),
                document=etree.tostring(interface, encoding="unicode"),
                plugged=half_way or ports is None or source.get("portid") in ports,
                half_way=half_way,
            )


def _rewire(domain: libvirt.virDomain, interface: etree._Element, kind: str, source: dict[str, str]) -> None:
    interface.set("type", kind)
    old = interface.find("source")
    old.attrib.clear()
    old.attrib.update(source)
    if (target := interface.find("target")) is not None:
        interface.remove(target)
    domain.updateDeviceFlags(etree.tostring(interface, encoding="unicode"), libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _affect(live: bool, stored: bool) -> int:
    return (libvirt.VIR_DOMAIN_AFFECT_LIVE if live else 0) | (libvirt.VIR_DOMAIN_AFFECT_CONFIG if stored else 0)
