"""The context of pages that show a plan for a network."""

from dataclasses import replace

from networks.definition.plans.steps import Step, token, worst
from networks.models import Network
from virterweb.people import rights
from virterweb.people.hidden.names import HIDDEN_VM, hidden_vms, sees_all_names
from virterweb.people.verbs import Verb


def shown(network: Network, steps: tuple[Step, ...], user: rights.Actor) -> dict:
    """Return the context of the partial `_plan.html`: steps, affected VMs with their owners, and the token.

    VMs that the user may not see are not named.
    """
    all_names = sees_all_names(user, network.hypervisor_id)
    touched = {name for step in steps for name in step.vms}
    running = (nic.vm for nic in (network.running_vms() if touched else ()))
    vms = {vm.name: vm for vm in running if all_names or rights.may(user, Verb.LIST, vm)}
    owners = sorted({str(vm.owner) for name, vm in vms.items() if name in touched and vm.owner})
    return {
        "steps": [_row(step, vms, all_names) for step in steps],
        "owners": owners,
        "disturbed": worst(steps),
        "token": token(steps, network.found_alone()),
    }


def _row(step: Step, vms: dict[str, object], all_names: bool) -> tuple[Step, list[object]]:
    """Return a step as the user may see it, with the VMs that it affects; the name of one that is gone."""
    if all_names:
        return step, [vms.get(name, name) for name in step.vms]
    seen = [name for name in step.vms if name in vms]
    hidden = [HIDDEN_VM] * (len(step.vms) - len(seen))
    return replace(step, vms=(*seen, *hidden)), [*(vms[name] for name in seen), *hidden_vms(len(hidden))]
