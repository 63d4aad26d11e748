"""Tables and JSON that `manage.py network` prints."""

import json
from collections.abc import Collection

from networks.definition.plans.steps import Step
from networks.models import Network
from virterweb.pages.tables import natural_key
from virterweb.people.cli import table


def list_text(networks: Collection[Network]) -> str:
    """Return the table of `network ls`, with a column for the hypervisor if there are several."""
    several = len({network.hypervisor_id for network in networks}) > 1
    rows = []
    for network in sorted(networks, key=lambda network: natural_key(network.name)):
        facts = network.facts
        row = [
            f"{network.name}{_mark(network)}",
            *(facts.forward_mode, facts.ip_range, facts.domain, facts.dhcp, facts.bridge),
        ]
        rows.append([*row, network.hypervisor] if several else row)
    headings = ["Name", "Forward-Type", "IP-Range", "Domain", "DHCP", "Bridge", *(["Hypervisor"] * several)]
    return table(headings, rows)


def _mark(network: Network) -> str:
    """Return what stands behind the name of a network; the first mark is the one that Virter prints."""
    mark = " (virter default)" if network.is_access_network else ""
    if network.recreated:
        mark += " (recreated outside)"
    elif network.status.made_at and not network.status.present:
        mark += " (gone)"
    return mark


def plan_text(steps: tuple[Step, ...]) -> str:
    """Return the steps of a plan as a table."""
    rows = [(step.disruption.name.lower(), step.text, ", ".join(step.vms)) for step in steps]
    return table(("Disruption", "Step", "VMs"), rows) if rows else "Nothing to do."


def plan_json(steps: tuple[Step, ...]) -> str:
    """Return the steps of a plan as JSON, each with its sentence."""
    return json.dumps([{**step.as_json(), "text": step.text, "note": step.note} for step in steps], indent=2)
