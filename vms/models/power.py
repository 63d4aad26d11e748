"""The states of VMs that pages distinguish, with their icons."""

from datetime import timedelta

from django.db import models

SSH_TIMEOUT = timedelta(seconds=300)  # the same as Virter's


class Power(models.TextChoices):
    """The states of a domain that the portal distinguishes."""

    RUNNING = "running"
    PAUSED = "paused"
    OFF = "off"
    OTHER = "other", "changing"

    @property
    def icon(self) -> str:
        return {Power.RUNNING: "play-circle", Power.PAUSED: "pause-circle"}.get(self, "stop-circle")

    @property
    def tone(self) -> str:
        """Return the stylesheet's class for its colour."""
        return "ready" if self is Power.RUNNING else "quiet"

    @property
    def words(self) -> str:
        return self.label.lower()


class ShownPower(models.TextChoices):
    """Power states that pages show in place of off or changing."""

    SAVED = "saved"  # off, with its memory saved on the hypervisor
    CRASHED = "crashed"
    SHUTTING_DOWN = "shutting-down", "in shutdown"
    SUSPENDED = "suspended"

    @classmethod
    def of(cls, power: str, reason: str, saved: bool) -> "ShownPower | Power":
        """Return what pages show of a power state; `ShownPower.case` is the same in SQL."""
        if power == Power.OFF and saved:
            return cls.SAVED
        return cls(reason) if power in (Power.OFF, Power.OTHER) and reason in cls.values else Power(power)

    @classmethod
    def case(cls) -> models.Case:
        """Return the expression of `of` for queries of VMs."""
        reasons = models.Q(status__power__in=[Power.OFF, Power.OTHER], status__power_reason__in=cls.values)
        return models.Case(
            models.When(status__power=Power.OFF, status__saved=True, then=models.Value(cls.SAVED)),
            models.When(reasons, then=models.F("status__power_reason")),
            default=models.F("status__power"),
        )

    @property
    def icon(self) -> str:
        return {ShownPower.CRASHED: "exclamation-circle", ShownPower.SHUTTING_DOWN: "clock"}.get(self, "pause-circle")

    @property
    def words(self) -> str:
        """Return the text for pages."""
        return self.label.lower()

    @property
    def tone(self) -> str:
        """Return the stylesheet's class for its colour."""
        tones = {ShownPower.CRASHED: "failed", ShownPower.SHUTTING_DOWN: "pending"}
        return tones.get(self, "quiet")


class Interruption(models.TextChoices):
    """Why a VM is off although it was running and nobody stopped it."""

    HOST = "host", "it was running before the host restarted"
    SHUTDOWN = "shutdown", "it shut down shortly before the host restarted"
    LIBVIRT = "libvirt", "it was running before libvirt restarted"
    REBUILT = "rebuilt", "it should run, but was not started when the hypervisor was rebuilt"


class PowerReason(models.TextChoices):
    """The reason why a VM is paused or in another transitional state: codes of the gateway."""

    USER = "user", "a user paused it"
    MIGRATION = "migration", "it is being migrated"
    SAVING = "saving", "its state is being saved"
    DUMP = "dump", "its memory is being dumped"
    IO_ERROR = "io-error", "a disk reported an I/O error. Check the pool and the host, then resume it"
    NO_SPACE = "no-space", "the pool of a disk is full. Make room there, then resume it"
    WATCHDOG = "watchdog", "the watchdog fired because the guest did not respond"
    FROM_SNAPSHOT = "from-snapshot", "it was restored from a snapshot"
    SHUTTING_DOWN = "shutting-down", "it is shutting down"
    SNAPSHOT = "snapshot", "a snapshot is being taken"
    CRASHED = "crashed", "the guest crashed"
    STARTING = "starting", "it is starting"
    SUSPENDED = "suspended", "the guest suspended itself"
    UNKNOWN = "unknown", "libvirt does not say why"

    @property
    def short(self) -> str:
        """Return the reason in a word or two, beside the state; "" if the state says it."""
        return _SHORT.get(self, "")


_SHORT = {
    PowerReason.MIGRATION: "migration",
    PowerReason.SAVING: "saving",
    PowerReason.DUMP: "memory dump",
    PowerReason.IO_ERROR: "I/O error",
    PowerReason.NO_SPACE: "pool full",
    PowerReason.WATCHDOG: "watchdog",
    PowerReason.FROM_SNAPSHOT: "restored",
    PowerReason.SNAPSHOT: "snapshot",
    PowerReason.STARTING: "starting",
}


#: Codes of why the portal could not try to connect to a guest, which tells nothing about the guest itself.
UNTRIED = ("tcp.namespace", "tcp.no_route", "tcp.jump_refused", "tcp.jump_silent", "tcp.jump_forbidden")


class SSHState(models.TextChoices):
    """The state shown for a running VM while SSH is waited for, or after that was given up."""

    WAITING = "waiting", "waiting for SSH"
    GIVEN_UP = "given-up", "no SSH"
    UNKNOWN = "ssh-unknown", "SSH unknown"

    @property
    def icon(self) -> str:
        icons = {SSHState.WAITING: "clock", SSHState.UNKNOWN: "question-mark-circle"}
        return icons.get(self, "exclamation-circle")

    @property
    def words(self) -> str:
        """Return the text for pages."""
        return self.label

    @property
    def tone(self) -> str:
        """Return the stylesheet's class for its colour."""
        return "failed" if self is SSHState.GIVEN_UP else "pending"
