"""What guest agents report, requested by `vms.agents.sync` and kept as long as the guests run.

For a VM that is waited for by SSH, `vms.guests.ssh` records the result of cloud-init.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils import timezone

from virterweb.hypervisors.gateway.found import FoundOutput, Refused, Silent
from vms.definition import domain as domain_xml
from vms.models import GuestReport, VMStatus
from vms.observed.guest_facts import COMMAND, GuestFacts, read
from vms.observed.guest_seen import CloudInit, Interface

if TYPE_CHECKING:
    from virterweb.hypervisors.gateway.connection import Connection

CHANNEL = "org.qemu.guest_agent.0"
TIMEOUT = 10.0  # seconds for the program in the guest, which takes half a second; a booting guest is slow
CHANGING_INTERVAL = timedelta(seconds=9)  # between two questions while a change is expected; a round starts every 10 s
SETTLED_INTERVAL = timedelta(seconds=60)
REFUSED_INTERVAL = timedelta(minutes=5)


def note(status: VMStatus, document: str) -> None:
    """Create the report when a domain is first found running, with the start of each NIC; delete it after the run."""
    run = domain_xml.run_number(document)
    before = GuestReport.objects.filter(vm=status).first()
    if not run:
        if before:
            before.delete()
        return
    macs = {nic.mac for nic in domain_xml.parse(document).nics}
    now = timezone.now()
    if before is None or before.run != run:
        agent = False if CHANNEL in document else None
        begun = {"run": run, "since": now, "nics": dict.fromkeys(sorted(macs), ""), "agent": agent, "asked_at": None}
        nothing = {"refused": "", "cloud_init": "", "errors": "", "interfaces": {}}
        GuestReport.objects.update_or_create(vm=status, defaults=begun | nothing)
    elif macs != before.nics.keys():
        nics = {mac: before.nics.get(mac, now.isoformat()) for mac in sorted(macs)}
        GuestReport.objects.filter(pk=before.pk).update(nics=nics)


def is_due(report: GuestReport, unsettled: bool) -> bool:
    """Return whether a guest is due for a question; `unsettled` if one of its NICs is not as expected."""
    if report.asked_at is None:
        return True
    to_come = unsettled or report.cloud_init in ("", CloudInit.RUNNING)
    pause = REFUSED_INTERVAL if report.refused else CHANGING_INTERVAL if to_come else SETTLED_INTERVAL
    return timezone.now() >= report.asked_at + pause


def note_agent(report: GuestReport, answers: bool) -> None:
    """Record whether the agent answers, if that changed."""
    if bool(report.agent) != answers:
        report.agent = answers
        _mine(report).update(agent=answers)


def ask(connection: "Connection", uuid: str) -> FoundOutput:
    """Ask the guest for its report; Silent or Refused as by `GuestAgent.run`."""
    return connection.guest_agent.run(uuid, ["/bin/sh", "-c", COMMAND], TIMEOUT)


def write(report: GuestReport, answer: FoundOutput | Refused) -> None:
    """Record a guest's report, or why there is none; after a timeout the previous report is kept."""
    values: dict[str, object] = {"asked_at": timezone.now()}
    if isinstance(answer, FoundOutput):
        facts = read(answer.text)
        values |= _values(facts) if facts else {"refused": "unreadable", "interfaces": {}}
    elif not isinstance(answer, Silent):
        values |= {"refused": "forbidden", "interfaces": {}}
    _mine(report).update(**values)


def note_cloud_init(status: VMStatus, text: str) -> None:
    """Record the result of cloud-init that a guest reported by another way than its agent."""
    if facts := read(text):
        reported = GuestReport.objects.filter(vm=status, run=domain_xml.run_number(status.document))
        reported.update(cloud_init=facts.cloud_init or "", errors=facts.errors)


def _mine(report: GuestReport) -> QuerySet:
    """Return the report's row, unless the VM was restarted in the meantime."""
    return GuestReport.objects.filter(pk=report.pk, run=report.run)


def _values(facts: GuestFacts) -> dict[str, object]:
    interfaces = {
        mac: {"name": each.name, "up": each.up, "dhcp": None if each.dhcp is None else sorted(each.dhcp)}
        for mac, each in facts.interfaces.items()
    }
    return {"refused": "", "cloud_init": facts.cloud_init or "", "errors": facts.errors, "interfaces": interfaces}


def interface(interfaces: dict[str, dict], mac: str) -> Interface | None:
    """Return a NIC's interface from a report's `interfaces`."""
    if (found := interfaces.get(mac)) is None:
        return None
    families: Iterable[int] | None = found["dhcp"]
    return Interface(name=found["name"], up=found["up"], dhcp=None if families is None else frozenset(families))


def plugged(nics: dict[str, str], mac: str) -> datetime | None:
    """Return when a NIC was attached to a running VM, from a report's `nics`."""
    return datetime.fromisoformat(nics[mac]) if nics.get(mac) else None
