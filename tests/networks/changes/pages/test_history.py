"""The history of a network, and earlier definitions that are restored."""

from networks.definition.events import Event
from tests.networks.changes.pages.change_pages import (
    again,
    at,
    filled,
    form_of_edit,
    make_attached,
    make_made,
    rows,
    steps,
)
from tests.support.making import agree, make_foreign_network, make_host, make_network
from virterweb.messages import Message


def test_the_history_lists_user_action_changes_plan_and_result(page, network, user):
    page.post(at(network, "edit"), form_of_edit(page, network, domain="lab.test"))
    page.post(at(network, "edit"), form_of_edit(page, network, hosts="52:54:00:00:00:08 10.1.0.8"))
    network.revisions.filter(about__fields__0=["domain name", ""]).update(
        plan=[{"step": "undefine", "variant": "", "network": "net1"}], result="done", seconds=1.5
    )
    network.change(Event.STOPPED, active=False)
    network.revisions.filter(event="stopped").update(result="failed", error=Message.external("Could not stop <net1>"))
    found = [row[1:] for row in rows(page.get(at(network, "history")))]
    assert found == [
        ["", "stopped", "Active: yes → no", "", "Could not stop <net1>"],
        [
            *("mira", "changed DHCP reservation of 10.1.0.1/24"),
            *("DHCP reservation of 10.1.0.1/24: – → 52:54:00:00:00:08 10.1.0.8", "", "in progress"),
        ],
        [
            *("mira", "changed Domain, Domain is local only"),
            "Domain: – → lab.test Domain is local only: – → yes",
            *("Undefine net1", "done in 1.50 s"),
        ],
        [
            *("", "added"),
            "Bridge: – → virbr1 Block: – → 10.1.0.1/24 DHCP range of 10.1.0.1/24: – → 10.1.0.2-10.1.0.254",
            *("", "done"),
        ],
    ]


def test_an_earlier_definition_is_restored_as_a_new_one_with_its_reservations(page, network, user):
    entry = make_host(network, "52:54:00:00:00:08", "10.1.0.8")
    network.change(Event.CHANGED)
    first = network.revisions.first()
    page.post(at(network, "edit"), form_of_edit(page, network, hosts="52:54:00:00:00:09 10.1.0.9", title="Later"))
    network.change(Event.STOPPED, active=False)
    entry.refresh_from_db()
    assert entry.removed_at
    shown = page.get(first.get_absolute_url())
    assert ["Title", "Later", "–"] in rows(shown)
    generation = again(network).generation
    assert page.post(first.get_absolute_url(), filled(shown)).url == network.get_absolute_url()
    now = again(network)
    assert [str(host) for host in now.spec.hosts] == ["52:54:00:00:00:08 10.1.0.8"]
    assert (now.active, now.spec.title, now.generation > generation) == (True, "", True)
    assert now.full_document == first.document
    assert now.revisions.first().what == f"restored as of {first.at:%Y-%m-%d %H:%M}"
    assert now.revisions.first().by == user
    assert now.revisions.count() == 5


def test_restoring_a_definition_that_disrupts_vms_needs_the_shown_plan(page, network):
    first = network.revisions.get()
    network.change(Event.CHANGED, document=network.full_document.replace("</network>", "<mtu size='9000'/></network>"))
    agree(again(network))
    network.status.write(document=again(network).full_document, generation=network.generation)
    typed = filled(page.get(first.get_absolute_url()))
    make_attached(network)
    refused = page.post(first.get_absolute_url(), typed)
    assert refused.status_code == 409
    assert "alma-8-8" in str(steps(refused))
    assert again(network).spec.mtu == 9000


def test_a_revision_of_another_network_is_not_found(page, lab, network):
    other = make_made(make_network(lab, "net2", "10.2.0.1/24"))
    assert page.get(f"{at(network, 'history')}{other.revisions.get().pk}/").status_code == 404


def test_an_unmanaged_network_has_no_history(page, lab):
    assert "No changes recorded yet." in page.get(at(make_foreign_network(lab), "history")).content.decode()
