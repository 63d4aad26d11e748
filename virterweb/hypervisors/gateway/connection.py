"""An open hypervisor: its connection to libvirt, its events, and one collaborator for each libvirt noun.

Only this package imports libvirt, and no libvirt object leaves it. A call whose result already exists succeeds.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import libvirt

from virterweb.hypervisors.gateway.nouns.consoles import Consoles
from virterweb.hypervisors.gateway.nouns.disks import Disks
from virterweb.hypervisors.gateway.nouns.domains import Domains
from virterweb.hypervisors.gateway.nouns.guest_agent import GuestAgent
from virterweb.hypervisors.gateway.nouns.host import HostMachine
from virterweb.hypervisors.gateway.nouns.jobs import Jobs
from virterweb.hypervisors.gateway.nouns.leases import Leases
from virterweb.hypervisors.gateway.nouns.networks import Networks
from virterweb.hypervisors.gateway.nouns.ports import Ports
from virterweb.hypervisors.gateway.nouns.power import Power
from virterweb.hypervisors.gateway.nouns.snapshots import Snapshots
from virterweb.hypervisors.gateway.nouns.volumes import Pools, Volumes

from .marks import Mark
from .session import Session

listener: Callable[[int], None] | None = None
"""Called with the hypervisor's id, from libvirt's event thread, when something there has changed."""

start_listener: Callable[[int, str], None] | None = None
"""Called likewise, with a network's UUID, when it was started: NICs that were on it before may be disconnected."""

own_mark: Callable[[], Mark] | None = None
"""Returns the mark that this portal leaves in what it defines; without it, marks are neither left nor told."""

_DOMAIN_EVENTS = [
    libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
]
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
    # The loop sleeps until a file descriptor is ready; the timer makes it see what other threads have registered.
    libvirt.virEventAddTimeout(500, lambda timer, opaque: None, None)
    while True:
        libvirt.virEventRunDefaultImpl()


class Connection:
    """An open hypervisor. Objects are named by UUID or name, documents are XML text."""

    def __init__(self, hypervisor_id: int, uri: str) -> None:
        self.session = session = Session(uri, own_mark)
        self.host = HostMachine(session)
        self.networks = Networks(session)
        self.ports = Ports(session)
        self.leases = Leases(session)
        self.domains = Domains(session)
        self.power = Power(session)
        self.disks = Disks(session)
        self.consoles = Consoles(session)
        self.guest_agent = GuestAgent(session)
        self.snapshots = Snapshots(session)
        self.jobs = Jobs(session)
        self.pools = Pools(session)
        self.volumes = Volumes(session)
        self._callbacks: list[Callable[[], None]] = []  # each deregisters one
        #: whether libvirt says when domains or networks change, so that nothing is missed between two polls
        self.sends_events = self._watch(hypervisor_id)

    def alive(self) -> bool:
        return self.session.alive()

    @property
    def is_outdated(self) -> bool:
        """Return whether a daemon that it needs is away or was restarted, which only a new connection can reach."""
        return self.session.lost_daemon

    def retire(self) -> None:
        """Receive no more events; libvirt closes the connection once nothing uses it."""
        for deregister in self._callbacks:
            with suppress(libvirt.libvirtError):
                deregister()
        self._callbacks = []

    def close(self) -> None:
        self.session.close()

    def _watch(self, hypervisor_id: int) -> bool:
        """Notify the listeners of every change; return whether libvirt sends events of domains and networks."""
        opened = self.session.libvirt

        def changed(*args: object) -> None:
            if listener:
                listener(hypervisor_id)

        def network_changed(
            opened: libvirt.virConnect, network: libvirt.virNetwork, event: int, detail: int, opaque: None
        ) -> None:
            if event == libvirt.VIR_NETWORK_EVENT_STARTED and start_listener:
                start_listener(hypervisor_id, network.UUIDString())
            changed()

        def closed(*args: object) -> None:
            self.session.closed = True
            changed()

        for event in _DOMAIN_EVENTS:
            with suppress(libvirt.libvirtError):  # a driver or an older daemon without that event
                number = opened.domainEventRegisterAny(None, event, changed, None)
                self._callbacks.append(partial(opened.domainEventDeregisterAny, number))
        try:
            event = libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE
            number = opened.networkEventRegisterAny(None, event, network_changed, None)
            self._callbacks.append(partial(opened.networkEventDeregisterAny, number))
        except libvirt.libvirtError as error:
            self.session.lost_part(error)
        registered = len(self._callbacks)
        with suppress(libvirt.libvirtError):
            opened.registerCloseCallback(closed, None)
            self._callbacks.append(opened.unregisterCloseCallback)
        return registered == len(_DOMAIN_EVENTS) + 1
