"""The machine that a hypervisor runs on: its version, memory, devices, routes, KVM, and its own network."""

import re
import socket
import time
from collections.abc import Iterable
from contextlib import suppress

import libvirt
from lxml import etree

from virterweb.hypervisors.gateway import jump, peer, temporary
from virterweb.hypervisors.gateway.bounds import bounded
from virterweb.hypervisors.gateway.found import Refused, Silent
from virterweb.hypervisors.gateway.reasons import KVM_FAILURE
from virterweb.hypervisors.gateway.session import BUSY, LOST, Session, reason_of
from virterweb.messages import Message

_X86 = ("x86_64", "i686")
_NIC_MODELS = {  # the version of QEMU, as libvirt writes it, that each came with, and the architectures that have it
    "virtio": (0, ()),
    "e1000e": (2_007_000, (*_X86, "aarch64", "ppc64le")),
    "e1000": (0, (*_X86, "aarch64", "ppc64le")),
    "rtl8139": (0, (*_X86, "aarch64", "ppc64le")),
    "igb": (8_000_000, (*_X86, "aarch64")),
}
_IDLE = ("free", "buffers", "cached")  # the memory of a host that programs can get, in libvirt's words
PROBE_CPU = 1.5  # seconds; emulation takes about 0.3 to run the firmware
PROBE_TIMEOUT = 30.0  # seconds


class HostMachine:
    """The machine that a hypervisor runs on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # Read once for each connection: the call is slow on hosts with many CPUs, and every poll needs the number.
        self._cpus = 0
        self._tells_memory = True  # until the first answer without it: this connection is not asked again

    def version(self) -> str:
        with self._session.calling(Message("host.version")):
            number = self._session.libvirt.getLibVersion()
            return f"libvirt {number // 1000000}.{number // 1000 % 1000}.{number % 1000}"

    def name(self) -> str:
        """Return the host name of the machine."""
        with self._session.calling(Message("host.name")):
            return self._session.libvirt.getHostname()

    def memory(self) -> int:
        """Return the memory of the host in MiB."""
        with self._session.calling(Message("host.memory")):
            return bounded(self._session.libvirt.getInfo()[1])

    def cpus(self) -> int:
        """Return the number of CPUs of the host, threads included."""
        with self._session.calling(Message("host.memory")):
            self._cpus = self._cpus or bounded(self._session.libvirt.getInfo()[2])
            return self._cpus

    def memory_used(self) -> int | None:
        """Return the memory of the host in MiB that is neither free nor a cache; None if libvirt does not tell."""
        if not self._tells_memory:
            return None
        try:
            with self._session.calling(Message("host.memory")):
                stats = self._session.libvirt.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)
        except Refused:  # by drivers without the call, or where the host does not let libvirt read it
            stats = {}
        self._tells_memory = {"total", *_IDLE} <= stats.keys()
        if not self._tells_memory:
            return None
        return bounded(max(stats["total"] - sum(stats[name] for name in _IDLE), 0) // 1024)

    def nic_models(self) -> list[str]:
        """Return the NIC models that the hypervisor's QEMU has for its own architecture.

        libvirt's capabilities do not list them, only QEMU's version and the architecture that they follow from.
        """
        with self._session.calling(Message("host.nic_models")):
            version = self._session.libvirt.getVersion()
            arch = self._session.libvirt.getInfo()[0]
        return [
            model for model, (since, archs) in _NIC_MODELS.items() if version >= since and arch in (archs or [arch])
        ]

    def archs(self) -> list[str]:
        """Return the architectures that the hypervisor has emulators for, by libvirt's names, its own first."""
        with self._session.calling(Message("host.archs")):
            capabilities = etree.fromstring(self._session.libvirt.getCapabilities())
        own = capabilities.findtext("host/cpu/arch", "")
        found = capabilities.xpath("guest[os_type='hvm']/arch[emulator]/@name")
        return sorted({str(arch) for arch in found}, key=lambda arch: (arch != own, arch))

    def routes(self) -> list[list[str]]:
        """Return the blocks that the hypervisor's host routes, each with its device; empty if /proc hides them."""
        return peer.routes(self._session.pid) if self._session.pid else []

    def devices(self) -> list[str] | None:
        """Return the host's network devices but for taps of guests; None where they cannot be seen, as remotely."""
        return peer.devices(self._session.pid) if self._session.pid else None

    def uptime(self) -> float | None:
        """Return the seconds since the host booted, without time stolen from its CPUs; None if unknown."""
        with self._session.calling(Message("host.uptime"), libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_INVALID_ARG):
            spent = self._session.libvirt.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS)
            self._cpus = self._cpus or self._session.libvirt.getInfo()[2]
            return sum(spent.values()) / 1e9 / self._cpus
        return None

    def kvm_problem(self) -> Message:
        """Run a temporary guest with KVM; return why it did not run correctly, an empty message if it did.

        libvirt destroys it with the connection, so a killed worker leaves none behind.
        """
        with self._session.calling(Message("host.kvm_problem")):
            capabilities = etree.fromstring(self._session.libvirt.getCapabilities())
            if not capabilities.xpath("guest/arch[@name=/capabilities/host/cpu/arch]/domain[@type='kvm']"):
                return Message("kvm.not_offered")
            try:
                probe = self._session.libvirt.createXML(
                    temporary.probe_document(), libvirt.VIR_DOMAIN_START_AUTODESTROY
                )
            except libvirt.libvirtError as error:
                if error.get_error_code() in LOST | BUSY or not self._session.alive():
                    raise
                known = re.search(KVM_FAILURE, str(error))
                return Message("kvm.no_start", reason=known[1] if known else reason_of(error))
            return _watch_probe(probe)

    def resolve(self, server: str, questions: Iterable[tuple[str, int]]) -> dict[str, list[str]]:
        """Ask the network's dnsmasq at an address for names, as `peer.resolve` does, without libvirt.

        Raises Refused if the portal cannot reach it: in a network namespace of its own, only root can.
        """
        if not self._session.pid:
            raise Refused(Message("dns.remote"))
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        asker = peer.open_socket(self._session.pid, family)
        if asker is None:
            raise Refused(Message("dns.namespace"))
        with asker:
            try:
                asker.connect((server, 53))
                return peer.resolve(asker, questions)
            except OSError as problem:
                # An IPv6 address is tentative until the bridge has a carrier.
                code = "dns.silent_ipv6" if family == socket.AF_INET6 else "dns.silent"
                raise Refused(Message(code, server=server), str(problem)) from problem

    def tcp_socket(self, address: str, port: int, seconds: float) -> socket.socket:
        """Return a connection to a guest, from the networks of the host if it is a local one; raise Refused without.

        The connection does not use libvirt. It goes through a remote hypervisor if its URI is qemu+ssh://, and the
        guest's server must then speak first. Otherwise, the portal's machine needs a route to the guest.
        """
        if not jump.is_jump(self._session.uri):
            return self._direct_socket(address, port, seconds)
        try:
            return jump.open_tunnel(self._session.uri, address, port, seconds)
        except Refused as problem:
            if problem.message.code in jump.IMPOSSIBLE:  # the portal's machine may have a route of its own
                with suppress(Refused):
                    return self._direct_socket(address, port, seconds)
            raise

    def _direct_socket(self, address: str, port: int, seconds: float) -> socket.socket:
        """Return a connection to a guest from the networks of a local host, otherwise from the portal's machine."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = (
            peer.open_socket(self._session.pid, family, socket.SOCK_STREAM)
            if self._session.pid
            else socket.socket(family)
        )
        if opened is None:
            raise Refused(Message("tcp.namespace"))
        opened.settimeout(seconds)
        try:
            opened.connect((address, port))
        except OSError as problem:
            opened.close()
            if isinstance(problem, ConnectionRefusedError):
                raise Refused(Message("tcp.refused", address=address, port=port), str(problem)) from problem
            code = "tcp.silent" if self._session.pid else "tcp.no_route"
            raise Silent(Message(code, address=address), str(problem)) from problem
        return opened


def _watch_probe(probe: libvirt.virDomain) -> Message:
    """Wait until the guest has ended, or return why it is stopped: with working KVM it needs little CPU time."""
    until, problem = time.monotonic() + PROBE_TIMEOUT, Message()
    with suppress(libvirt.libvirtError):  # it has ended
        while not problem:
            state, *_, spent = probe.info()
            if state in (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_CRASHED):
                problem = Message("kvm.stops")
            elif spent / 1e9 > PROBE_CPU:
                problem = Message("kvm.slow")
            elif time.monotonic() > until:
                problem = Message("kvm.idle", seconds=int(PROBE_TIMEOUT))
            time.sleep(0.05)
    with suppress(libvirt.libvirtError):
        probe.destroy()
    return problem
