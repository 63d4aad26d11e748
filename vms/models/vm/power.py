"""Power of VMs: the state that pages show, and requests to change it."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import F

from virterweb.hypervisors.desired.revisions import recorded
from virterweb.hypervisors.desired.state import State
from vms.definition.domain_diff import Aspect
from vms.definition.events import Event

from ..power import Interruption, Power, ShownPower, SSHState
from ..power_verb import PowerVerb


class VMPower:
    """Power and autostart. Part of the model `VM`."""

    @property
    def shown_state(self) -> State | Power | ShownPower | SSHState:
        """Return the state that pages show: pending and failed states first, then SSH, then power."""
        state = self.state
        if state not in (State.READY, State.UNMANAGED):
            return state
        return self.ssh_state or self.shown_power

    @property
    def shown_power(self) -> Power | ShownPower:
        return ShownPower.of(self.status.power, self.status.power_reason, self.status.saved)

    @property
    def power_beside(self) -> Power | ShownPower | None:
        """Return the power state to show beside another state, such as failed; None if it is the one that is shown."""
        found = self.as_found
        shown = found.status.present and self.state not in (State.READY, State.UNMANAGED)
        return found.shown_power if shown else None

    @property
    def interruption(self) -> Interruption | None:
        """Return why the VM is off although it was running and nobody stopped it; None if it is not interrupted."""
        status = self.status
        is_off = status.present and status.power == Power.OFF and status.interrupted_power == self.power_generation
        return Interruption(status.interrupted) if status.interrupted and is_off else None

    @property
    def power_verbs(self) -> tuple[PowerVerb, ...]:
        """Return the changes of power that apply now, the most usual first; none for a VM that libvirt lacks."""
        status = self.status
        if not status.present or self.removed_at:
            return ()
        possible = PowerVerb.possible(status.power, status.power_reason, status.saved)
        if not status.persistent:  # libvirt saves the state only of what it stores
            possible = tuple(verb for verb in possible if verb is not PowerVerb.SAVE)
        return tuple(verb for verb in possible if not verb.starts) if self.has_ended else possible

    def ask_power(self, verb: PowerVerb, by: AbstractBaseUser | None = None, event: Event | None = None) -> None:
        """Request a change of power, which a worker carries out once; the state is not maintained afterwards.

        A request that was not carried out yet is replaced.
        """
        verb = PowerVerb(verb)
        with self.transition(), recorded(self, event or verb.event, by):
            if verb.starts:
                self.require_no_end()
            self.ask_again()
            self.status.refresh_from_db(fields=["present", "persistent"])
            power = {"power_verb": verb, "power_generation": self.generation}
            power |= {} if verb.runs_after is None else {"running": verb.runs_after}
            power["may_be_lost"] = self.status.transient  # the VM's page warns of that
            type(self).objects.filter(pk=self.pk).update(**power)
            for name, value in power.items():
                setattr(self, name, value)

    def ask_refused_power_again(self) -> None:
        """Make a change of power that was refused part of the present generation, so that it is carried out again."""
        refused = type(self).objects.filter(pk=self.pk, power_generation__gt=F("status__power_done"))
        refused.update(power_generation=self.generation)

    def end_interruption(self, running: bool, by: AbstractBaseUser | None = None) -> bool:
        """Request that an interrupted VM is started again or stays off; return False if it is no longer interrupted."""
        with transaction.atomic():
            self.lock()
            now = type(self).objects.select_related("status").filter(pk=self.pk, removed_at=None).first()
            if now is None or now.interruption is None or (running and now.has_ended):
                return False
            verb, event = PowerVerb.SHUT_DOWN, Event.LEFT_OFF
            if running:
                verb, event = PowerVerb.START, Event.STARTED_AGAIN
            self.ask_power(verb, by, event)
            if not running:  # if somebody has started it outside the portal since the last poll, it is not stopped
                self.status.write(power_done=self.generation)
        return True

    def ask_autostart(self, on: bool, by: AbstractBaseUser | None = None) -> None:
        """Request that libvirt starts the VM with the host, or not; once for an unmanaged VM."""
        with self.transition(present=True), recorded(self, Event.AUTOSTART_ON if on else Event.AUTOSTART_OFF, by):
            self.refresh_from_db(fields=["asked"])
            self.autostart, self.asked = on, sorted({*self.asked, Aspect.AUTOSTART})
            type(self).objects.filter(pk=self.pk).update(autostart=on, asked=self.asked)
            self.ask_again()
