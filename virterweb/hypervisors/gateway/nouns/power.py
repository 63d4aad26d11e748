"""Power of domains: state with its reason, and the calls that change it. A call whose result already exists succeeds.

libvirt.h describes the states and reasons (virDomainState, virDomainPausedReason, virDomainShutoffReason).
"""

import libvirt

from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.session import Session, create, destroy
from virterweb.messages import Message

STATE_NUMBERS = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTOFF: "off",
}
_REASONS = {
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER): "user",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION): "migration",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_SAVE): "saving",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_DUMP): "dump",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR): "io-error",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_WATCHDOG): "watchdog",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_FROM_SNAPSHOT): "from-snapshot",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_SHUTTING_DOWN): "shutting-down",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_SNAPSHOT): "snapshot",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_CRASHED): "crashed",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP): "starting",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED): "crashed",
}
_OTHER_STATES = {
    libvirt.VIR_DOMAIN_PAUSED: "unknown",
    libvirt.VIR_DOMAIN_SHUTDOWN: "shutting-down",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
}
_STOPPED = {
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN): "shut-down",
    # libvirtd keeps the reason in memory only: a domain that was off when libvirtd started has none.
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_UNKNOWN): "unseen",
}


def reason_of_state(domain: libvirt.virDomain) -> str:
    """Return the code of why a domain is in its state; "" if it runs, or is off without having crashed."""
    state, reason = domain.state()
    code = _REASONS.get((state, reason), _OTHER_STATES.get(state, ""))
    return "no-space" if code == "io-error" and _lacks_space(domain) else code


def stopped_reason(domain: libvirt.virDomain) -> str:
    """Return how a domain that is off has stopped: shut-down, unseen or ""."""
    return _STOPPED.get(tuple(domain.state()), "")


def reasons_of_stopped(connection: libvirt.virConnect) -> dict[str, str]:
    """Return why domains are off, by UUID, in one call; only reasons that pages show."""
    flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF
    try:
        stopped = connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, flags)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
            return {}
        raise
    found = {each.UUIDString(): (values.get("state.state"), values.get("state.reason")) for each, values in stopped}
    return {uuid: _REASONS[state] for uuid, state in found.items() if state in _REASONS}


def _lacks_space(domain: libvirt.virDomain) -> bool:
    """Return whether a disk of a paused domain has no space left, as in a full pool."""
    try:
        return libvirt.VIR_DOMAIN_DISK_ERROR_NO_SPACE in domain.diskErrors().values()
    except libvirt.libvirtError:  # it has stopped meanwhile, or the driver does not know
        return False


class Power:
    """The power of domains, each named by its UUID; `name` is for messages."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def start(self, uuid: str, name: str) -> None:
        """Start a VM, from its saved state if it has one, or resume it if it is paused."""
        with self._session.calling(Message("domains.start", name=name)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            state = domain.state()[0]
            if state == libvirt.VIR_DOMAIN_PAUSED:
                domain.resume()
            elif state == libvirt.VIR_DOMAIN_PMSUSPENDED:
                domain.pMWakeup()
            elif not domain.isActive():
                create(domain)

    def shut_down(self, uuid: str, name: str) -> None:
        with self._session.calling(Message("domains.shut_down", name=name), libvirt.VIR_ERR_OPERATION_INVALID):
            self._session.libvirt.lookupByUUIDString(uuid).shutdown()

    def force_off(self, uuid: str, name: str) -> None:
        already = (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN)
        with self._session.calling(Message("domains.force_off", name=name), *already):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if domain.isActive():
                destroy(domain, name)

    def reboot(self, uuid: str, name: str) -> None:
        """Ask the guest to reboot; it may ignore that."""
        with self._session.calling(Message("domains.reboot", name=name)):
            self._active(uuid, name).reboot()

    def reset(self, uuid: str, name: str) -> None:
        """Reset the VM at once, as by the reset button of a machine."""
        with self._session.calling(Message("domains.reset", name=name)):
            self._active(uuid, name).reset()

    def pause(self, uuid: str, name: str) -> None:
        with self._session.calling(Message("domains.pause", name=name)):
            domain = self._active(uuid, name)
            if domain.state()[0] != libvirt.VIR_DOMAIN_PAUSED:
                domain.suspend()

    def resume(self, uuid: str, name: str) -> None:
        with self._session.calling(Message("domains.resume", name=name)):
            self._active(uuid, name)
        self.start(uuid, name)

    def save(self, uuid: str, name: str) -> None:
        """Save the memory on the hypervisor and stop the VM; libvirt continues from there at the next start."""
        with self._session.calling(Message("domains.save", name=name)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if domain.isActive():
                domain.managedSave()
            elif not domain.hasManagedSaveImage():
                raise Refused(Message("domains.is_off", name=name))

    def discard_saved(self, uuid: str, name: str) -> None:
        """Delete the saved memory: the next start boots the VM."""
        with self._session.calling(Message("domains.discard_saved", name=name)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if domain.hasManagedSaveImage():
                domain.managedSaveRemove()

    def set_autostart(self, uuid: str, name: str, on: bool) -> None:
        """Have libvirt start the VM when the host starts, or not."""
        with self._session.calling(Message("domains.set_autostart", name=name)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if bool(domain.autostart()) != on:
                domain.setAutostart(int(on))

    def _active(self, uuid: str, name: str) -> libvirt.virDomain:
        """Return a domain that is not off; Refused if it is."""
        domain = self._session.libvirt.lookupByUUIDString(uuid)
        if not domain.isActive():
            raise Refused(Message("domains.is_off", name=name))
        return domain
