"""What guests tell of themselves by their agents: asked by `vms.addresses`, in its rounds; kept as long as they run.

One that is waited for by SSH tells `vms.ssh` what its cloud-init came to.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from virterweb.hypervisors.found import FoundOutput, Refused, Silent
from virterweb.hypervisors.gateway import Host

from . import domain_xml
from .guest_facts import COMMAND, GuestFacts, read
from .guest_seen import CloudInit, Interface
from .models import GuestReport, VMStatus

CHANNEL = "org.qemu.guest_agent.0"
SECONDS = 10.0  # for the program in the guest: half a second, yet a guest that boots is slow
OFTEN = timedelta(seconds=9)  # between two questions while something is to come; a round comes every 10 s
SELDOM = timedelta(seconds=60)
FORBIDDEN = timedelta(minutes=5)


def note(status: VMStatus, document: str) -> None:
    """Begin a report when a domain is first seen to run, with when each NIC came to it; forget it with the run."""
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


def due(report: GuestReport, unsettled: bool) -> bool:
    """Whether a guest is to be asked now; `unsettled` if a NIC of it is not as wanted."""
    if report.asked_at is None:
        return True
    to_come = unsettled or report.cloud_init in ("", CloudInit.RUNNING)
    pause = FORBIDDEN if report.refused else OFTEN if to_come else SELDOM
    return timezone.now() >= report.asked_at + pause


def note_agent(report: GuestReport, answers: bool) -> None:
    """Write down whether the agent answers, if that is news."""
    if bool(report.agent) != answers:
        report.agent = answers
        _mine(report).update(agent=answers)


def ask(host: Host, uuid: str) -> FoundOutput:
    """Have the guest tell; Silent or Refused as by `Host.run_in_guest`."""
    return host.run_in_guest(uuid, ["/bin/sh", "-c", COMMAND], SECONDS)


def write(report: GuestReport, answer: FoundOutput | Refused) -> None:
    """Write down what a guest told, or why it does not. One that only took too long keeps what it told before."""
    values: dict[str, object] = {"asked_at": timezone.now()}
    if isinstance(answer, FoundOutput):
        facts = read(answer.text)
        values |= _told(facts) if facts else {"refused": "tells nothing that can be read", "interfaces": {}}
    elif not isinstance(answer, Silent):
        values |= {"refused": "does not let the portal run a program", "interfaces": {}}
    _mine(report).update(**values)


def note_cloud_init(status: VMStatus, text: str) -> None:
    """Write down what cloud-init came to, of what a guest told by another way than its agent."""
    if facts := read(text):
        told = GuestReport.objects.filter(vm=status, run=domain_xml.run_number(status.document))
        told.update(cloud_init=facts.cloud_init or "", errors=facts.errors)


def _mine(report: GuestReport) -> QuerySet:
    """Its row, unless the VM was started anew meanwhile."""
    return GuestReport.objects.filter(pk=report.pk, run=report.run)


def _told(facts: GuestFacts) -> dict[str, object]:
    interfaces = {
        mac: {"name": each.name, "up": each.up, "dhcp": None if each.dhcp is None else sorted(each.dhcp)}
        for mac, each in facts.interfaces.items()
    }
    return {"refused": "", "cloud_init": facts.cloud_init or "", "errors": facts.errors, "interfaces": interfaces}


def interface(interfaces: dict[str, dict], mac: str) -> Interface | None:
    """What a report's `interfaces` say of a NIC."""
    if (found := interfaces.get(mac)) is None:
        return None
    families: Iterable[int] | None = found["dhcp"]
    return Interface(name=found["name"], up=found["up"], dhcp=None if families is None else frozenset(families))


def plugged(nics: dict[str, str], mac: str) -> datetime | None:
    """When a NIC came to a VM that ran, by a report's `nics`."""
    return datetime.fromisoformat(nics[mac]) if nics.get(mac) else None
