"""The history grows only with changes of holders and is kept for the configured days."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from networks.leases import sync as leases
from networks.models import Lease, Network
from tests.networks.leases.polled_leases import DAY, HOUR, IP, MAC, OTHER_MAC, START, Clock, Recorder, found
from tests.support.examples import examples
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from virterweb.hypervisors.models import Hypervisor
from vms.models import VM

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("clock")]


def simulate(record: Recorder, vms: int, renewals: int, changes: int) -> None:
    """Simulate thirty days in which all VMs renew their leases together and the holders of addresses change.

    Every other change is another VM that has the MAC, every other one another MAC that has the address.
    """
    macs = [f"52:54:00:01:{number >> 8:02x}:{number & 255:02x}" for number in range(vms)]
    for number in range(0, min(vms, changes), 2):
        vm = make_vm(record.network.hypervisor, f"vm-{number}", number)
        make_running(vm, ("default", macs[number], f"vnet{number}"))
    done = 0
    for turn in range(renewals + 1):
        while done < changes * turn // renewals:
            number = done % vms
            if number % 2:
                macs[number] = f"52:54:00:02:00:{done:02x}"
            else:
                VM.objects.filter(number=number).update(name=f"vm-{number}-since-{done}")
            done += 1
        held = (found(f"10.255.{i >> 8}.{i & 255}", mac, f"host-{i}", Clock.at + DAY) for i, mac in enumerate(macs))
        assert len(record(*held, after=30 * DAY / renewals)) == vms


def test_a_month_of_300_vms_creates_one_row_for_each_holder(record):
    """Simulate thirty days with six renewals of each VM. The next test shows that more renewals create no more rows."""
    simulate(record, vms=300, renewals=6, changes=40)
    assert Lease.objects.count() == 300 + 40


@pytest.mark.parametrize("renewals", [12, 24, 72])
def test_the_history_grows_with_changes_of_holders_and_not_with_renewals(record, renewals):
    """72 renewals are three days of hourly renewals."""
    simulate(record, vms=8, renewals=renewals, changes=12)
    assert Lease.objects.count() == 8 + 12


keys = st.tuples(st.sampled_from([MAC, OTHER_MAC]), st.sampled_from([IP, "192.168.122.8", "fd00::8"]))
tables = st.dictionaries(keys, st.tuples(st.sampled_from(["", "alma", "debian"]), st.sampled_from([1, 2])), max_size=4)
steps = st.tuples(st.integers(1, 100), st.sampled_from(["alma-8-8", "debian-12-8"]), tables)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(steps, max_size=8))
def test_current_rows_equal_the_last_poll_and_the_history_has_no_overlaps(lab, network, story):
    Lease.objects.all().delete()
    VM.objects.all().delete()
    network.status.write(leases_print="")
    make_running(make_vm(lab), ("default", MAC, "vnet0"))
    record, polls = Recorder(network=network), []
    for seconds, vm, table in story:
        VM.objects.update(name=vm)
        held = {key: found(key[1], key[0], name, START + expires * DAY) for key, (name, expires) in table.items()}
        now = {(lease.mac, lease.ip): lease for lease in record(*held.values(), after=timedelta(seconds=seconds))}
        polls.append((Clock.at, table.keys()))
        assert now.keys() == table.keys()
        for key, lease in now.items():
            assert lease.expires_at.timestamp() == held[key].expires
            assert lease.hostname == held[key].hostname or not held[key].hostname
    for at, held in polls:
        told = list(Lease.objects.between(at, at).values_list("mac", "ip"))
        assert sorted(told) == sorted(held)  # each once: no two rows of one lease overlap


def test_the_history_is_kept_for_the_days_set_at_the_hypervisor(lab, network):
    old, young, current = (make_lease(network, MAC, f"192.168.122.{number}") for number in (2, 3, 4))
    Lease.objects.update(first_seen=START - 365 * DAY)
    Lease.objects.filter(pk=old.pk).update(last_seen=START - 90 * DAY - HOUR)
    Lease.objects.filter(pk=young.pk).update(last_seen=START - 90 * DAY + HOUR)
    leases.forget()
    assert list(Lease.objects.all()) == [young, current]
    Hypervisor.objects.update(history_days=7)
    leases.forget()
    assert list(Lease.objects.all()) == [current]


def test_the_history_is_kept_without_limit_where_the_days_are_0(network):
    kept = make_hypervisor("lab-2", history_days=0)
    for each in (network, make_foreign_network(kept)):
        make_lease(each, MAC, IP, last_seen=START - 9999 * DAY)
    leases.forget()
    assert Lease.objects.get().hypervisor == kept
    Hypervisor.objects.update(history_days=0)
    leases.forget()
    assert Lease.objects.get().hypervisor == kept


def test_leases_of_a_deleted_network_are_ended_and_kept(lab, network):
    lease, other = make_lease(network, MAC, IP), make_lease(make_network(lab), MAC, "10.255.0.207")
    Network.objects.filter(pk=network.pk).delete()
    Clock.at += HOUR
    leases.forget()
    assert Lease.objects.get(pk=lease.pk).last_seen == Clock.at
    assert Lease.objects.get(pk=other.pk).last_seen is None
