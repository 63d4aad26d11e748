"""Ask the agents in guests for addresses and facts."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from datetime import timedelta
from threading import Thread
from time import monotonic
from typing import TypeVar

from django.utils import timezone
from lxml import etree

from virterweb.hypervisors.connections.guard import Observation
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundAddress, FoundOutput, Refused, Silent
from virterweb.messages import Message
from vms.definition.domain import PARSER
from vms.guests import report as guest_report
from vms.guests import states as guest_states
from vms.guests.report import CHANNEL
from vms.models import GuestReport, NICStatus, VMStatus
from vms.observed.addresses import Source

from .recording import write_addresses

log = logging.getLogger(__name__)

ROUND_TIMEOUT = 30.0  # seconds after which a round asks no further agent; the next round continues
AGENT_TIMEOUT = 6.0  # seconds for one agent; libvirt itself gives up after five
REPORT_TIMEOUT = guest_report.TIMEOUT + 7.0  # seconds for a guest's report, and for libvirt to give up
SLOW_AFTER = 2.0  # seconds after which an agent counts as slow
SLOW_AGENT_INTERVAL = 300.0  # seconds in which a slow agent is not asked again
MAX_PENDING = 3  # unanswered questions per hypervisor; libvirtd serves five calls of a client at once
Answer = TypeVar("Answer")


def has_agent(document: str) -> bool:
    """Return whether a running domain's guest may have an agent; libvirt reports if nobody opened the channel."""
    if CHANNEL not in document:
        return False
    targets = etree.fromstring(document.encode(), PARSER).iterfind(f"devices/channel/target[@name='{CHANNEL}']")
    return any(target.get("state") != "disconnected" for target in targets)


def ask_agents(
    statuses: list[VMStatus], connection: Connection, hanging: dict[int, Future], reading: Observation
) -> None:
    """Ask the agents for addresses; `hanging` are questions to guests of this hypervisor that timed out."""
    began, answered = monotonic(), []
    for status in statuses:
        _forget_ended(hanging)
        with reading.guard(status.desired.uuid_text, status.desired.name):
            if not has_agent(status.document) or status.pk in hanging:
                write_addresses(status, Source.AGENT, None if CHANNEL in status.document else [])
                _note_agent(status, False)
            elif _may_be_asked(status) and monotonic() < began + ROUND_TIMEOUT and len(hanging) < MAX_PENDING:
                found = _ask_agent(status, connection, hanging)
                write_addresses(status, Source.AGENT, found)
                _note_agent(status, bool(found))
                answered += [status] if found else []
    _ask_guests(answered, connection, hanging, began + ROUND_TIMEOUT, reading)


def _may_be_asked(status: VMStatus) -> bool:
    return status.agent_due_at is None or status.agent_due_at <= timezone.now()


def _forget_ended(hanging: dict[int, Future]) -> None:
    for pk in [pk for pk, question in hanging.items() if question.done()]:
        del hanging[pk]


def _note_agent(status: VMStatus, answers: bool) -> None:
    if not hasattr(status, "guest_report"):  # it has run since before reports were kept
        guest_report.note(status, status.document)
    elif status.guest_report.agent is not None or answers:
        guest_report.note_agent(status.guest_report, answers)


def _ask_agent(status: VMStatus, connection: Connection, hanging: dict[int, Future]) -> list[FoundAddress] | None:
    """Return the agent's answer; None if it does not answer, or rejects the question."""
    began, uuid = monotonic(), status.desired.uuid_text
    try:
        return _in_a_thread(
            lambda: connection.domains.interface_addresses(uuid, Source.AGENT), AGENT_TIMEOUT, status, hanging
        )
    except TimeoutError:
        return None
    except Refused as problem:
        log.debug("%s: %s", status.desired, problem.detail)
        return None
    finally:
        if monotonic() - began > SLOW_AFTER:
            status.write(agent_due_at=timezone.now() + timedelta(seconds=SLOW_AGENT_INTERVAL))


def _ask_guests(
    statuses: list[VMStatus], connection: Connection, hanging: dict[int, Future], until: float, reading: Observation
) -> None:
    """Ask guests whose agents answer for their reports, where due; the one asked longest ago comes first."""
    reports = {report.vm_id: report for report in GuestReport.objects.filter(vm__in=statuses)}
    unsettled = guest_states.unsettled(NICStatus.objects.filter(vm__in=reports))
    due = [
        status
        for status in statuses
        # In an unmanaged guest no program is run unless a user requests it.
        if status.pk in reports
        and status.desired.managed
        and guest_report.is_due(reports[status.pk], status.pk in unsettled)
    ]
    due.sort(key=lambda status: (reports[status.pk].asked_at is not None, reports[status.pk].asked_at))
    for status in due:
        _forget_ended(hanging)
        if monotonic() > until or len(hanging) >= MAX_PENDING:
            return
        with reading.guard(status.desired.uuid_text, status.desired.name):
            guest_report.write(reports[status.pk], _ask_guest(status, connection, hanging))


def _ask_guest(status: VMStatus, connection: Connection, hanging: dict[int, Future]) -> FoundOutput | Refused:
    """Return a guest's report, or why there is none."""
    uuid = status.desired.uuid_text
    try:
        return _in_a_thread(lambda: guest_report.ask(connection, uuid), REPORT_TIMEOUT, status, hanging)
    except Refused as problem:
        return problem
    except TimeoutError:
        return Silent(Message("agent.silent"))


def _in_a_thread(
    question: Callable[[], Answer], patience: float, status: VMStatus, hanging: dict[int, Future]
) -> Answer:
    """Return the answer; TimeoutError if it takes too long: a guest that answers partially blocks its caller."""
    answer = Future()
    Thread(target=_put, args=[answer, question], daemon=True).start()
    try:
        return answer.result(timeout=patience)
    except TimeoutError:
        hanging[status.pk] = answer
        raise


def _put(answer: Future, question: Callable[[], Answer]) -> None:
    try:
        answer.set_result(question())
    except Exception as problem:  # reported by the caller
        answer.set_exception(problem)
