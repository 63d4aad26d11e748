"""Search finds who had an address in the past."""

from datetime import UTC, datetime

from django.utils import timezone

from tests.portal.search.search_results import NOBODY, OTHER, ended, free, rows, said
from tests.support.making import make_foreign_network, make_lease


def test_the_holder_of_an_address_is_found_after_its_vm_is_deleted(ask, net1):
    ended(net1, NOBODY, "10.255.0.207", "old-guest", vm="gone-1")
    for text in ("10.255.0.207", "10.255.0.192/26", NOBODY, "cc:00:01", "old-guest", "gone-1", "gone"):
        ((*row, began, end),) = rows(ask(text), "earlier")
        assert row == ["10.255.0.207", "gone-1", NOBODY, "old-guest", "net1"]
        assert began and end
    answer = ask("10.255.0.207")
    assert rows(answer) == []
    assert "Earlier" in said(answer)
    assert len(free(answer)) == 1


def test_the_history_of_a_deleted_network_is_listed_latest_first(ask, net1):
    ended(net1, NOBODY, "10.255.0.207", vm="first")
    make_lease(net1, OTHER, "10.255.0.207", vm="second", last_seen=timezone.now())
    net1.delete()
    assert [row[1] for row in rows(ask("10.255.0.207"), "earlier")] == ["second", "first"]


def test_the_holder_at_a_given_time_is_found_for_a_deleted_network_too(page, lab):
    network = make_foreign_network(lab)
    monday, tuesday = (datetime(2026, 11, day, 22, tzinfo=UTC) for day in (23, 24))
    make_lease(network, "52:54:00:00:00:21", "192.168.122.21", vm="monday", first_seen=monday, last_seen=tuesday)
    make_lease(network, "52:54:00:00:00:22", "192.168.122.21", vm="today", first_seen=tuesday)
    network.delete()
    answer = page.get("/search/?q=192.168.122.21&until=2026-11-24T01:00").content.decode()
    assert "At that time" in answer
    assert "monday" in answer.partition("At that time")[2]
    assert "52:54:00:00:00:22" not in answer.partition("At that time")[2]
    assert "recorded no guest" in page.get("/search/?q=192.168.122.21&until=2026-11-20T01:00").content.decode()
