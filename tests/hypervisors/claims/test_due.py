"""One worker at a time works on a row, for as long as it takes, and no longer than it lives."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import DataError, InterfaceError, OperationalError
from django.utils import timezone
from lxml import etree

from networks.models import DNSAnswers, Network, NetworkStatus
from tests.support.making import make_hypervisor, make_network
from virterweb.hypervisors.claims.due import (
    LONGEST_PAUSE,
    Due,
    DueQuerySet,
    end_claims_of_dead,
    end_late_claims,
    extend_claims,
)
from virterweb.hypervisors.claims.processes import this_process
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message

pytestmark = pytest.mark.integration

TELL = """
import os, sys, django
django.setup()
from virterweb.hypervisors.claims.processes import this_process
print(this_process(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def network(db, enqueued) -> Network:
    return make_network(make_hypervisor())


def rows():
    return NetworkStatus.objects.all()


def is_free() -> bool:
    return Network.objects.overdue().exists()


def claim_for(process: str, model: type[Due] = NetworkStatus, **until: float) -> None:
    model.objects.update(
        claimed_by=f"{process}/7", claimed_until=timezone.now() + timedelta(**until or {"seconds": 50})
    )


def test_a_claimed_row_is_left_to_its_worker_until_the_claim_ends(network):
    with rows().claim() as row:
        assert row == network.status
        carry_out(Network, network.pk, lambda desired, host: pytest.fail("two at a time"))
        assert not is_free()
        rows().update(claimed_until=timezone.now() - timedelta(seconds=1))  # its worker was suspended for long
        with rows().claim() as second:
            assert second == row
    assert is_free()


def test_a_worker_that_lost_a_claim_does_not_end_the_claim_of_another(network):
    with ExitStack() as later:
        with rows().claim():
            rows().update(claimed_until=timezone.now() - timedelta(seconds=1))
            assert later.enter_context(rows().claim())
        with rows().claim() as third:
            assert third is None
        assert not is_free()
    assert is_free()


def test_the_loss_of_a_claim_is_logged_but_not_the_deletion_of_its_row(network, caplog):
    with rows().claim():
        extend_claims()
        assert rows().get().claimed_until > timezone.now()
        rows().update(claimed_by="another worker")
        extend_claims()
        assert "was lost" in caplog.text
        caplog.clear()
        network.delete()
        extend_claims()
        assert not caplog.text


def test_a_claim_ends_with_what_it_was_for_even_if_that_is_refused(network):
    with pytest.raises(Refused), rows().claim():
        raise Refused(Message.external("not possible"))
    assert is_free()


def pauses_after(problem: Exception, times: int) -> list[float]:
    """Have the work fail so often, each time as soon as it may be tried again; return the seconds until then."""
    pauses = []
    for _ in range(times):
        with pytest.raises(type(problem)), rows().claim():
            raise problem
        assert not is_free()
        pauses.append((rows().get().claimed_until - timezone.now()).total_seconds())
        rows().update(claimed_until=timezone.now() - timedelta(seconds=1))
    return pauses


@pytest.mark.parametrize("problem", [KeyError("x"), DataError("too long"), etree.XMLSyntaxError("cut", 1, 1, 1)])
def test_work_with_an_internal_error_is_retried_with_growing_delays(network, problem):
    pauses = pauses_after(problem, 20)
    assert pauses[:3] == pytest.approx([10, 20, 40], abs=2)
    assert pauses == pytest.approx(sorted(pauses), abs=2) and max(pauses) == pytest.approx(300, abs=2)
    with rows().claim() as row:
        assert row.crashes == 10
    assert is_free() and rows().get().crashes == 0


@pytest.mark.parametrize("problem", [OperationalError("deadlock detected"), InterfaceError("connection is closed")])
def test_work_that_the_database_broke_off_is_retried_within_seconds(network, problem):
    pauses = pauses_after(problem, 10)
    assert pauses[0] < 0.5 and max(pauses) == pytest.approx(7.5, abs=1)


def test_a_claim_ends_late_if_the_database_was_away_when_its_work_ended(network, monkeypatch):
    with monkeypatch.context() as patch, suppress(OperationalError), rows().claim():
        patch.setattr(DueQuerySet, "update", away)
    assert not is_free()
    end_late_claims()
    assert is_free()


def away(*args: object, **values: object) -> None:
    raise OperationalError("the database is away")


def test_a_claim_that_ends_too_far_in_the_future_is_ignored(network):
    claim_for("elsewhere", seconds=LONGEST_PAUSE.total_seconds() + 60)  # the clock has been put back
    assert is_free()
    with rows().claim() as row:
        assert row


@pytest.fixture
def process() -> Iterator[subprocess.Popen]:
    with subprocess.Popen(
        [sys.executable, "-c", TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as one:
        one.token = one.stdout.readline().strip()
        yield one
        one.kill()


def test_all_claims_of_a_killed_process_end_immediately(network, process):
    DNSAnswers.objects.create(network=network)
    held = (NetworkStatus, HypervisorStatus, DNSAnswers)
    for model in held:
        claim_for(process.token, model)
    end_claims_of_dead()
    assert not is_free(), "it lives"
    process.kill()
    process.wait()
    end_claims_of_dead()
    assert is_free()
    assert not [model for model in held if model.objects.exclude(claimed_until=None).exists()]


def test_a_killed_process_that_nobody_has_waited_for_is_dead(network, process):
    claim_for(process.token)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    end_claims_of_dead()
    assert is_free()


def test_another_process_with_the_pid_of_a_dead_one_does_not_have_its_claims(network):
    boot, namespace, pid, start = this_process().split("/")
    claim_for("/".join((boot, namespace, pid, str(int(start) - 1))))
    end_claims_of_dead()
    assert is_free()


@pytest.mark.parametrize("part", [0, 1])
def test_processes_of_another_machine_or_namespace_are_never_known_to_be_dead(network, process, part):
    process.kill()
    process.wait()
    elsewhere = process.token.split("/")
    elsewhere[part] = "another"
    claim_for("/".join(elsewhere))
    end_claims_of_dead()
    assert not is_free()


def test_all_claims_use_the_same_mechanism():
    """Only `Due` may have the columns of a claim, so that there is one mechanism."""
    for model in apps.get_models():
        names = {field.name for field in model._meta.get_fields()}
        assert issubclass(model, Due) == ("claimed_until" in names), model
    claimable = {model.__name__ for model in apps.get_models() if issubclass(model, Due)}
    assert claimable >= {"DNSAnswers", "ConsoleLog", "SSHCheck", "AddressRound", "GuestRun", "VMStatus", "ImageStatus"}
