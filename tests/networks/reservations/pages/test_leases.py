"""Leases that are reserved or released by one click."""

from django.utils import timezone

from networks.definition.spec import HostSpec
from networks.models import Lease
from tests.networks.reservations.pages.reservation_pages import (
    DUID,
    MAC,
    OTHER_MAC,
    WIDE,
    at,
    errors,
    filled,
    found,
    pushed,
    reserved,
    said,
    table,
)
from tests.support.making import make_foreign_network, make_lease, make_running, make_vm
from virterweb.messages import Message


def test_a_lease_is_reserved_by_one_click(post, lab, net, enqueued):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    lease = make_lease(net, MAC, "10.5.0.80", "localhost")
    answer = post(at(net, "lease_reserve", lease.pk))
    assert answer.url == net.get_absolute_url()
    assert said(answer) == "10.5.0.80 is now reserved for vm-8."
    assert (reserved(net), enqueued) == ({HostSpec(mac=MAC, ip="10.5.0.80", name="vm-8")}, pushed(net))


def test_an_ipv6_lease_is_reserved_for_its_client_id(post, net, enqueued):
    lease = make_lease(net, MAC, "fd00:5::80", client_id=DUID)
    assert said(post(at(net, "lease_reserve", lease.pk))) == f"fd00:5::80 is now reserved for {MAC}."
    assert (reserved(net), enqueued) == ({HostSpec(duid=DUID, ip="fd00:5::80")}, pushed(net))


def test_a_lease_without_an_identity_of_the_guest_cannot_be_reserved(post, page, net, enqueued):
    lease = make_lease(net, MAC, "fd00:5::80")
    answer = post(at(net, "lease_reserve", lease.pk))
    assert (reserved(net), enqueued) == (set(), [])
    assert errors(page.get(answer.url)) == {"mac": "Enter the MAC of the guest, or the DUID of an IPv6 guest."}


def test_a_lease_that_has_ended_can_be_reserved(post, net, enqueued):
    lease = make_lease(net, MAC, "10.5.0.80", last_seen=timezone.now())
    post(at(net, "lease_reserve", lease.pk))
    assert (reserved(net), enqueued) == ({HostSpec(mac=MAC, ip="10.5.0.80")}, pushed(net))


def test_a_lease_that_passed_to_another_guest_needs_a_confirmation(post, page, net, enqueued):
    lease = make_lease(net, MAC, "10.5.0.80", last_seen=timezone.now())
    make_lease(net, OTHER_MAC, "10.5.0.80", "nine")
    answer = post(at(net, "lease_reserve", lease.pk))
    assert (reserved(net), enqueued) == (set(), [])
    shown = page.get(answer.url)
    assert errors(shown)["ip"].startswith(f"10.5.0.80 is leased to nine ({OTHER_MAC}).")
    post(at(net, "host_add"), filled(shown) | {"anyway": "on"})
    assert reserved(net) == {HostSpec(mac=MAC, ip="10.5.0.80")}


def test_a_lease_with_a_conflict_leads_to_the_filled_form_with_the_reason(post, page, net, enqueued):
    found(net, HostSpec(mac=OTHER_MAC, ip="10.5.0.80", name="nine"))
    lease = make_lease(net, MAC, "10.5.0.80", "eight")
    answer = post(at(net, "lease_reserve", lease.pk))
    assert enqueued == []
    shown = page.get(answer.url)
    assert shown.status_code == 200
    assert {"mac": MAC, "ip": "10.5.0.80", "name": "eight"}.items() <= filled(shown).items()
    answer = post(at(net, "host_add"), filled(shown))
    assert errors(answer) == errors(shown) == {"ip": f"10.5.0.80 is already reserved for {OTHER_MAC} (nine)."}


def test_a_lease_of_another_network_is_not_reserved_here(post, lab, net, enqueued):
    other = make_foreign_network(lab, WIDE)
    lease = make_lease(other, MAC, "10.6.0.8")
    assert post(at(net, "lease_reserve", lease.pk)).status_code == 404
    assert said(post(at(net, "lease_release", lease.pk))) == "The lease has already ended."
    assert (reserved(net), reserved(other), enqueued) == (set(), set(), [])


def test_the_release_of_a_lease_is_requested_once(post, page, net, enqueued):
    lease = make_lease(net, MAC, "10.5.0.80")
    assert "Release" in table(page.get(at(net, "leases")), "leases-table")[0][-1]
    answer = post(at(net, "lease_release", lease.pk))
    assert (answer.url, said(answer)) == (net.get_absolute_url(), "The lease is being released.")
    assert enqueued == [("networks.tasks.release_leases", net.pk)]
    assert Lease.objects.get().release_asked_at
    assert table(page.get(at(net, "leases")), "leases-table")[0][-1] == "Reserve being released"


def test_the_reason_of_a_failed_release_is_shown_until_the_next_request(post, page, net):
    asked = {"release_asked_at": timezone.now(), "release_problem": Message.external("Run it as root")}
    lease = make_lease(net, MAC, "10.5.0.80", **asked)
    assert table(page.get(at(net, "leases")), "leases-table")[0][-1] == "Reserve Run it as root"
    post(at(net, "lease_release", lease.pk))
    assert str(Lease.objects.get().release_problem) == ""


def test_the_lease_of_a_running_vm_cannot_be_released(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    make_lease(net, MAC, "10.5.0.80")
    assert table(page.get(at(net, "leases")), "leases-table")[0][-1] == "Reserve"


def test_a_lease_that_has_ended_cannot_be_released(post, net, enqueued):
    lease = make_lease(net, MAC, "10.5.0.80", last_seen=timezone.now())
    assert said(post(at(net, "lease_release", lease.pk))) == "The lease has already ended."
    assert enqueued == []
    assert Lease.objects.get().release_asked_at is None
