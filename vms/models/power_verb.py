"""The changes of a VM's power that users request, and the states in which each is possible."""

from django.db import models

from vms.definition.events import Event

from .power import Power, PowerReason


class PowerVerb(models.TextChoices):
    """A change of power; libvirt's virDomainCreate, virDomainShutdown, virDomainReboot and so on."""

    START = "start", "Start"
    RESUME = "resume", "Resume"
    SHUT_DOWN = "shutdown", "Shut down"
    REBOOT = "reboot", "Reboot"
    PAUSE = "pause", "Pause"
    SAVE = "save", "Save state"
    DISCARD = "discard", "Discard saved state"
    RESET = "reset", "Force reset"
    FORCE_OFF = "force-off", "Force off"

    @property
    def event(self) -> Event:
        return _EVENTS[self]

    @property
    def icon(self) -> str:
        return _ICONS.get(self, "bolt")

    @property
    def help(self) -> str:
        return _HELP[self]

    @property
    def is_usual(self) -> bool:
        """Return whether it is a button of its own on the page of a VM."""
        return self in (PowerVerb.START, PowerVerb.RESUME, PowerVerb.SHUT_DOWN, PowerVerb.REBOOT)

    @property
    def starts(self) -> bool:
        return self in (PowerVerb.START, PowerVerb.RESUME)

    @property
    def loses_data(self) -> bool:
        """Return whether something is lost that cannot be restored, so that it is confirmed."""
        return self in (PowerVerb.RESET, PowerVerb.FORCE_OFF, PowerVerb.DISCARD)

    @property
    def runs_after(self) -> bool | None:
        """Return whether the VM is on afterwards; None if it stays as it is."""
        if self is PowerVerb.DISCARD:
            return None
        return self not in (PowerVerb.SHUT_DOWN, PowerVerb.SAVE, PowerVerb.FORCE_OFF)

    @classmethod
    def possible(cls, power: str, reason: str, saved: bool) -> tuple["PowerVerb", ...]:
        """Return the verbs that apply to a VM in this state, the most usual first."""
        if power == Power.OFF:
            return (cls.START, cls.DISCARD) if saved else (cls.START,)
        if power == Power.RUNNING:
            return (cls.SHUT_DOWN, cls.REBOOT, cls.PAUSE, cls.SAVE, cls.RESET, cls.FORCE_OFF)
        if power == Power.PAUSED:
            return (cls.RESUME, cls.SAVE, cls.RESET, cls.FORCE_OFF)
        return (cls.RESUME, cls.FORCE_OFF) if reason == PowerReason.SUSPENDED else (cls.SHUT_DOWN, cls.FORCE_OFF)


_EVENTS = {
    PowerVerb.START: Event.STARTED,
    PowerVerb.RESUME: Event.RESUMED,
    PowerVerb.SHUT_DOWN: Event.SHUT_DOWN,
    PowerVerb.REBOOT: Event.REBOOTED,
    PowerVerb.PAUSE: Event.PAUSED,
    PowerVerb.SAVE: Event.STATE_SAVED,
    PowerVerb.DISCARD: Event.STATE_DISCARDED,
    PowerVerb.RESET: Event.RESET,
    PowerVerb.FORCE_OFF: Event.FORCED_OFF,
}
_ICONS = {
    PowerVerb.START: "play",
    PowerVerb.RESUME: "play",
    PowerVerb.SHUT_DOWN: "power",
    PowerVerb.REBOOT: "arrow-path",
    PowerVerb.PAUSE: "pause",
    PowerVerb.SAVE: "arrow-down-tray",
    PowerVerb.DISCARD: "trash",
}
_HELP = {
    PowerVerb.START: "Boots the VM, or continues from its saved state.",
    PowerVerb.RESUME: "The VM continues where it was paused.",
    PowerVerb.SHUT_DOWN: "Asks the guest to shut down. After the hypervisor’s time limit it is forced off.",
    PowerVerb.REBOOT: "Asks the guest to reboot. A guest that ignores this keeps running.",
    PowerVerb.PAUSE: "Stops the CPUs. The VM keeps its memory.",
    PowerVerb.SAVE: "Saves the memory on the hypervisor and stops the VM. Start continues from there.",
    PowerVerb.DISCARD: "Deletes the saved memory. The next start boots the VM.",
    PowerVerb.RESET: "Resets the VM at once. Data that the guest has not written to its disks is lost.",
    PowerVerb.FORCE_OFF: "Stops the VM at once. Data that the guest has not written to its disks is lost.",
}
