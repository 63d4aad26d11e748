"""The preview of a change, which is saved only as it was shown."""

import pytest

from tests.networks.changes.pages.change_pages import (
    again,
    at,
    filled,
    form_of_edit,
    is_as_before,
    make_attached,
    make_made,
    said,
    steps,
    text,
    tree,
)
from tests.support.making import make_foreign_network, make_network


def test_the_preview_names_vms_owners_and_seconds(page, network):
    make_attached(network, owner="paul")
    make_attached(network, "alma-9-9", 9)
    answer = page.post(at(network, "edit/preview"), {**form_of_edit(page, network), "mtu": "9000"})
    define, restart, reconnect = steps(answer)
    assert define == "Define net1 again"
    assert restart.startswith("Restart net1, because libvirt cannot change this live: MTU About 4.4 s for ")
    assert "alma-8-8 (paul), alma-9-9 STP on the bridge causes 4 s of the interruption" in restart
    assert reconnect == "Reconnect 2 running VMs: alma-8-8, alma-9-9"
    assert "These VMs belong to paul." in text(tree(answer))


def test_the_preview_shows_live_changes_and_errors(page, network):
    typed = form_of_edit(page, network)
    live = page.post(at(network, "edit/preview"), {**typed, "hosts": "52:54:00:00:00:08 10.1.0.8"})
    assert steps(live) == [
        "Add DHCP reservation of 10.1.0.1/24: 52:54:00:00:00:08 10.1.0.8 live, no VM is disconnected"
    ]
    wrong = page.post(at(network, "edit/preview"), {**typed, "mtu": "1"})
    assert "MTU: An MTU is at least 68" in text(tree(wrong))
    assert steps(wrong) == []
    assert is_as_before(network)


def test_a_change_without_disruption_is_saved_immediately(page, network, enqueued, django_capture_on_commit_callbacks):
    make_attached(network)
    typed = filled(page.get(at(network, "edit")), "//form[@id='change']")
    with django_capture_on_commit_callbacks(execute=True):
        answer = page.post(at(network, "edit"), {**typed, "hosts": "52:54:00:00:00:08 10.1.0.8"})
    assert answer.url == network.get_absolute_url()
    assert [str(host) for host in again(network).spec.hosts] == ["52:54:00:00:00:08 10.1.0.8"]
    assert enqueued == [("networks.tasks.push", network.pk)]


def test_a_change_that_disrupts_vms_is_saved_only_with_the_shown_plan(page, network):
    make_attached(network)
    typed = filled(page.get(at(network, "edit")), "//form[@id='change']")
    refused = page.post(at(network, "edit"), {**typed, "mtu": "9000"})
    assert refused.status_code == 409
    assert "Nothing was saved yet" in refused.content.decode()
    assert "alma-8-8" in steps(refused)[1]
    assert is_as_before(network)
    assert page.post(at(network, "edit"), filled(refused, "//form[@id='change']")).status_code == 302
    assert again(network).spec.mtu == 9000


def test_the_shown_steps_are_stored_as_accepted(page, network):
    make_attached(network)
    page.post(at(network, "edit"), form_of_edit(page, network, mtu="9000"))
    define, restart, reconnect = again(network).accepted
    assert (define["step"], restart["step"], reconnect["step"]) == ("define", "restart", "reconnect")
    assert (restart["vms"], restart["disruption"], restart["seconds"]) == (["alma-8-8"], "brief", 4.41)


@pytest.mark.parametrize("what", ["a VM came", "libvirt’s side changed"])
def test_a_change_since_the_plan_was_shown_is_shown_first(page, network, what):
    make_attached(network)
    typed = form_of_edit(page, network, mtu="9000")
    if what == "a VM came":
        make_attached(network, "alma-9-9", 9)
    else:
        network.status.write(active=False)
    refused = page.post(at(network, "edit"), typed)
    assert refused.status_code == 409
    assert ("alma-9-9" in str(steps(refused))) == (what == "a VM came")
    assert is_as_before(network)


def test_an_invalid_plan_token_is_refused(page, network):
    make_attached(network)
    typed = {**form_of_edit(page, network, mtu="9000"), "token": "0" * 16}
    assert page.post(at(network, "edit"), typed).status_code == 409
    assert is_as_before(network)


def test_the_history_has_the_user_and_the_changed_fields(page, network, user):
    page.post(at(network, "edit"), form_of_edit(page, network, domain="lab.test", title="Lab"))
    revision = network.revisions.first()
    assert (revision.by, revision.what) == (user, "changed Title, Domain, Domain is local only")


@pytest.mark.parametrize("path", ["edit", "plan", "take", "release", "on-drift"])
def test_an_unmanaged_network_is_not_changed(staff, lab, path):
    foreign = make_foreign_network(lab)
    assert said(staff.post(at(foreign, path))) == "The portal does not manage default. Adopt it first."
    assert is_as_before(foreign)


@pytest.mark.parametrize("path", ["edit", "plan", "take", "adopt", "release", "on-drift"])
def test_a_network_that_is_being_deleted_is_not_changed_and_shows_the_reason(staff, network, path):
    network.remove()
    assert said(staff.post(at(network, path))) == "net1 is being deleted."
    assert again(network).removed_at


@pytest.mark.parametrize("path", ["edit/preview", "take", "adopt", "release", "on-drift"])
def test_viewing_pages_changes_nothing(staff, network, path):
    assert staff.get(at(network, path)).status_code == 405


@pytest.mark.parametrize("path", ["edit", "plan", "xml", "history"])
def test_every_page_requires_a_login(client, network, path):
    assert client.get(at(network, path)).url.startswith("/login/")


def test_a_reservation_outside_every_range_causes_a_note(page, network):
    typed = {**form_of_edit(page, network), "ranges": "10.1.0.100-10.1.0.200", "hosts": "52:54:00:00:00:08 10.1.0.8"}
    said = text(tree(page.post(at(network, "edit/preview"), typed)))
    assert (
        "These reservations are outside all ranges; the guests still get their addresses: 52:54:00:00:00:08 10.1.0.8."
        in said
    )


def test_a_domain_without_dns_causes_a_note(page, lab):
    network = make_made(make_network(lab, "net1", "10.1.0.1/24", spec={"dns": False}))
    typed = form_of_edit(page, network)
    said = "DNS is off, so guests cannot find each other by name."
    assert said not in text(tree(page.post(at(network, "edit/preview"), {**typed, "mtu": "9000"})))
    assert said in text(tree(page.post(at(network, "edit/preview"), {**typed, "domain": "lab.example"})))
    on = {**typed, "domain": "lab.example", "dns": "yes"}
    assert said not in text(tree(page.post(at(network, "edit/preview"), on)))
    assert "DNS of the network is off" in text(tree(page.get(at(network, "hosts/add"))))
