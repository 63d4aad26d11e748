"""DNS queries to the dnsmasq of networks, and records of its answers, or of why it cannot be asked.

The queries do not use libvirt. A network with changed names is due at once, the others periodically.
"""

from datetime import timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from networks.models import DNSAnswers, Network, NetworkQuerySet
from virterweb.enqueue import LOOK, enqueue
from virterweb.hypervisors.claims.clock import Now, database_time
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.found import HypervisorError
from virterweb.messages import Message

from . import names

PERIOD = timedelta(seconds=60)  # between two rounds of queries to an unchanged network
RETRY_INTERVAL = timedelta(seconds=10)  # until a failed round is tried again


def due_networks() -> NetworkQuerySet:
    """Return the networks whose dnsmasq is due, changed names first; none with a push in progress."""
    served = Network.objects.filter(status__present=True, status__active=True).exclude(status__ip_range="")
    settled = served.filter(status__generation__gte=F("generation"), hypervisor__status__unreachable_since=None)
    when = F("dns_answers__due_at").asc(nulls_first=True)
    return settled.filter(DNSAnswers.is_due("dns_answers__")).order_by(when)


def query_now(network: Network) -> None:
    """Make the network due for a query at once, regardless of earlier answers and errors."""
    DNSAnswers.objects.filter(network=network).update(due_at=None)
    enqueue(LOOK, network.pk)


def ask(network_id: int) -> None:
    """Query one network's dnsmasq if it is due, unless another worker does so or just did."""
    if not due_networks().filter(pk=network_id).exists():
        return
    DNSAnswers.objects.get_or_create(network_id=network_id)
    with DNSAnswers.objects.due().filter(network=network_id).claim() as row:
        if row is None:
            return
        network = Network.objects.select_related("hypervisor", "status").get(pk=network_id)  # as of after the claim
        if network.done:
            _ask(network, DNSAnswers.objects.filter(pk=row.pk))


def _ask(network: Network, mine: QuerySet[DNSAnswers]) -> None:
    again = database_time() + RETRY_INTERVAL
    mine.update(due_at=again)
    try:
        values = {"answers": _answers(network), "asked_at": timezone.now(), "error": ""}
    except HypervisorError as problem:
        if problem.again:
            return
        values = {"error": problem.message}
    wait = DNSAnswers.MAX_PAUSE if values["error"] else PERIOD
    if not mine.filter(due_at=again).update(due_at=Now() + wait, **values):
        mine.update(**values)  # names have changed meanwhile: it stays due


def _answers(network: Network) -> dict[str, list[str]]:
    spec = network.status.spec
    questions = names.questions(spec, network.leases.current().values_list("ip", "hostname"))
    if not questions:
        return {}
    server = (spec.block() or spec.block(6)).ip
    with connected(network.hypervisor_id, network.hypervisor.uri) as connection:
        return connection.host.resolve(str(server), questions)


def served(network: Network) -> tuple[names.Name, ...]:
    """Return the network's names, with the answers of dnsmasq unless it cannot be asked."""
    leases = network.leases.current().values_list("ip", "hostname")
    answers = getattr(network, "dns_answers", None)
    return names.names(network.definition, leases, answers.answers if answers and not unasked(network) else None)


def unasked(network: Network) -> Message:
    """Return why its dnsmasq cannot be queried; an empty message if it was, or will be soon."""
    if not (network.status.present and network.status.active):
        return Message("dns.not_active", network=network)
    answers = getattr(network, "dns_answers", None)
    return answers.error if answers else Message()
