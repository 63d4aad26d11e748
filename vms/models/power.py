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


class Saved(models.TextChoices):
    """The state of a VM that is off with its memory saved on disk."""

    SAVED = "saved"

    @property
    def icon(self) -> str:
        return "pause-circle"

    @property
    def words(self) -> str:
        """Return the text for pages."""
        return self.label.lower()

    @property
    def tone(self) -> str:
        """Return the stylesheet's class for its colour."""
        return "quiet"


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
    IO_ERROR = "io-error", "a disk reported an I/O error: the pool may be full. Make room there, then resume it"
    WATCHDOG = "watchdog", "the watchdog fired because the guest did not respond"
    FROM_SNAPSHOT = "from-snapshot", "it was restored from a snapshot"
    SHUTTING_DOWN = "shutting-down", "it is shutting down"
    SNAPSHOT = "snapshot", "a snapshot is being taken"
    CRASHED = "crashed", "the guest crashed. Force it off, then start it again"
    STARTING = "starting", "it is starting"
    SUSPENDED = "suspended", "the guest suspended itself"
    UNKNOWN = "unknown", "libvirt does not say why"


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
