"""The context of pages that show a plan for a network."""

from networks.definition.plans.steps import Step, token, worst
from networks.models import Network


def shown(network: Network, steps: tuple[Step, ...]) -> dict:
    """Return the context of the partial `_plan.html`: steps, affected VMs with their owners, and the token."""
    touched = {name for step in steps for name in step.vms}
    vms = {nic.vm.name: nic.vm for nic in network.running_vms()} if touched else {}
    rows = [(step, [vms.get(name, name) for name in step.vms]) for step in steps]
    owners = sorted({str(vm.owner) for name, vm in vms.items() if name in touched and vm.owner})
    return {
        "steps": rows,
        "owners": owners,
        "disturbed": worst(steps),
        "token": token(steps, network.found_alone()),
    }
