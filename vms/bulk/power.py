"""A change of the power of many VMs: its preview."""

from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VM, PowerVerb, VMQuerySet

from .rows import Line, Row, why_not
from .wording import say


def rows(vms: VMQuerySet, verb: PowerVerb, user: rights.Actor) -> list[Row]:
    """Return the outcome for each VM, in a constant number of queries."""
    return [_row(vm, verb, user) for vm in vms.shown().select_related("owner")]


def _row(vm: VM, verb: PowerVerb, user: rights.Actor) -> Row:
    if reason := why_not(vm, user, Verb.POWER):
        return Row(vm=vm, refused=reason)
    if not vm.has_ended and verb is PowerVerb.START and PowerVerb.RESUME in vm.power_verbs:
        verb = PowerVerb.RESUME  # a paused VM continues
    if verb not in vm.power_verbs:
        state = vm.shown_power.words
        return Row(vm=vm, left=(say("left", "ended" if vm.has_ended else "state", state=state),))
    lost = "lasting" if verb.loses_data else "brief" if verb is PowerVerb.REBOOT else "none"
    return Row(vm=vm, power=verb, lines=(Line(step=say("step", verb), disruption=lost),))
