"""Asks networks' own dnsmasq for the names that they serve, and writes down what it answers or why it cannot be asked.

The questions go past libvirt. A network whose names have changed is due at once, the others now and then.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from virterweb.hypervisors.connections import connected
from virterweb.hypervisors.found import HypervisorError

from . import names
from .models import DNSAnswers, Network, NetworkQuerySet

PERIOD = timedelta(seconds=60)  # between two rounds of questions to a network where nothing changes
REST = timedelta(minutes=5)  # for one that cannot be asked
FEW = 8  # networks that a sweep hands out: the others are due half a second later, and nobody else waits for them
CLAIM = timedelta(seconds=10)  # after which another takes over what a killed worker began, or what just failed


def due() -> NetworkQuerySet:
    """Networks whose dnsmasq shall be asked, those first whose names have changed; none whose wish is under way."""
    served = Network.objects.filter(status__present=True, status__active=True).exclude(status__ip_range="")
    settled = served.filter(status__generation__gte=F("generation"), hypervisor__status__unreachable_since=None)
    when = F("dns_answers__due_at").asc(nulls_first=True)
    return settled.filter(_is_due("dns_answers__")).order_by(when)


def _is_due(path: str = "") -> Q:
    """For rows of DNSAnswers, or what has them at `path`. Due too late is due as well: the clock has been put back."""
    now, due_at = timezone.now(), f"{path}due_at"
    return Q(**{due_at: None}) | Q(**{f"{due_at}__lte": now}) | Q(**{f"{due_at}__gt": now + REST})


def ask_soon(network: Network) -> None:
    """Have it asked at once, whatever was answered or refused before."""
    DNSAnswers.objects.filter(network=network).update(due_at=None)


def ask(network_id: int) -> None:
    """Ask one network's dnsmasq if it is due, unless another worker is at it or just was."""
    if not due().filter(pk=network_id).exists() or not (claim := _claim(network_id)):
        return
    network = Network.objects.select_related("hypervisor", "status").get(pk=network_id)  # as of after the claim
    if not network.done:
        return
    try:
        values = {"answers": _answers(network), "asked_at": timezone.now(), "error": ""}
    except HypervisorError as problem:
        if problem.again:
            return
        values = {"error": str(problem)}
    mine = DNSAnswers.objects.filter(network=network_id)
    wait = REST if values["error"] else PERIOD
    if not mine.filter(due_at=claim).update(due_at=timezone.now() + wait, **values):
        mine.update(**values)  # names have changed meanwhile: it stays due


def _claim(network_id: int) -> datetime | None:
    """The moment at which the claim ends, or None if another has it."""
    DNSAnswers.objects.get_or_create(network_id=network_id)
    until = timezone.now() + CLAIM
    return until if DNSAnswers.objects.filter(_is_due(), network=network_id).update(due_at=until) else None


def _answers(network: Network) -> dict[str, list[str]]:
    spec = network.status.spec
    questions = names.questions(spec, network.leases.current().values_list("ip", "hostname"))
    if not questions:
        return {}
    server = (spec.block() or spec.block(6)).ip
    with connected(network.hypervisor_id, network.hypervisor.uri) as host:
        return host.resolve(str(server), questions)


def served(network: Network) -> tuple[names.Name, ...]:
    """The network's names, with dnsmasq's answers unless it cannot be asked."""
    leases = network.leases.current().values_list("ip", "hostname")
    answers = getattr(network, "dns_answers", None)
    return names.names(network.definition, leases, answers.answers if answers and not unasked(network) else None)


def unasked(network: Network) -> str:
    """Why its dnsmasq cannot be asked, in a sentence; nothing if it was, or will be in a moment."""
    if not (network.status.present and network.status.active):
        return f"{network} is not active: no dnsmasq runs for it."
    answers = getattr(network, "dns_answers", None)
    return answers.error if answers else ""
