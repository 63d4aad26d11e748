"""Changes outside the portal are reverted or accepted."""

from dataclasses import replace

from django.utils import timezone

from networks.definition.document.edit import edit
from networks.models import Network
from tests.networks.changes.pages.change_pages import again, at, filled, is_as_before, rows, said, steps, text, tree
from tests.support.making import make_host, make_network


def test_the_plan_of_a_revert_is_shown_and_carried_out(page, drifted, enqueued, django_capture_on_commit_callbacks):
    shown = page.get(at(drifted, "plan"))
    assert steps(shown) == [
        "Delete DHCP range of 10.1.0.1/24: 10.1.0.2-10.1.0.99 live, no VM is disconnected",
        "Add DHCP range of 10.1.0.1/24: 10.1.0.2-10.1.0.254 live, no VM is disconnected",
        "Set net1 to start with the host",
    ]
    assert ["DHCP range of 10.1.0.1/24", "10.1.0.2-10.1.0.254", "–", "–"] in rows(shown)
    with django_capture_on_commit_callbacks(execute=True):
        assert page.post(at(drifted, "plan"), filled(shown)).url == drifted.get_absolute_url()
    now = again(drifted)
    assert (now.state, now.overwrite, len(now.accepted)) == ("pending", True, 3)
    assert now.full_document == drifted.full_document
    assert now.revisions.first().what == "reverted to saved definition"
    assert enqueued == [("networks.tasks.push", drifted.pk)]


def test_reverting_deletes_reservations_from_outside_the_portal(page, network):
    host = '<host mac="52:54:00:aa:00:01" ip="10.1.0.77"/></dhcp>'
    network.status.write(document=network.full_document.replace("</dhcp>", host))
    assert steps(page.get(at(network, "plan"))) == [
        "Delete DHCP reservation of 10.1.0.1/24: 52:54:00:aa:00:01 10.1.0.77 live, no VM is disconnected"
    ]
    assert again(network).plan() == ()


def test_a_revert_is_refused_if_libvirt_has_changed_since(page, drifted):
    typed = filled(page.get(at(drifted, "plan")))
    drifted.status.write(autostart=True)
    refused = page.post(at(drifted, "plan"), typed)
    assert refused.status_code == 409
    assert "libvirt has changed since you saw the preview" in refused.content.decode()
    assert is_as_before(drifted)


def test_accepting_saves_the_definition_of_libvirt(page, drifted, user):
    host = make_host(drifted, "52:54:00:00:00:08", "10.1.0.8")
    page.post(at(drifted, "take"))
    now = again(drifted)
    assert (now.spec.dhcp, now.autostart, now.spec.hosts) == ("10.1.0.2-10.1.0.99", False, ())
    assert now.plan() == ()
    assert not now.hosts.filter(pk=host.pk).exists()
    assert (now.revisions.first().what, now.revisions.first().by) == ("changes from libvirt accepted", user)


LIVE_ONLY = "<host mac='52:54:00:aa:00:01' ip='10.1.0.77'/>"


def make_half_changed(network: Network) -> Network:
    """Record outside changes: an entry that is only live, and a domain that is only stored."""
    document = network.full_document
    stored = document.replace("<ip ", "<domain name='external'/><ip ")
    network.status.write(document=document.replace("</dhcp>", f"{LIVE_ONLY}</dhcp>"), stored=stored, drift="differs")
    return again(network)


def test_each_difference_names_the_side_that_has_it(page, network):
    make_half_changed(network)
    entry = "52:54:00:aa:00:01 10.1.0.77"
    expected = [["DHCP reservation of 10.1.0.1/24", "–", "–", entry], ["Domain", "–", "external", "–"]]
    for path in ("", "plan/", "xml/"):
        shown = tree(page.get(f"{network.get_absolute_url()}{path}"))
        found = [[text(cell) for cell in row] for row in shown.xpath("//table[@class='differences']/tbody/tr")]
        assert sorted(found) == expected


def test_accepting_saves_both_sides_and_deletes_no_running_entry(page, network):
    make_half_changed(network)
    answer = said(page.post(at(network, "take")))
    assert answer == (
        "The saved definition of net1 is now the one that libvirt stores. It also contains changes that were only in "
        "the running network; libvirt now stores them: DHCP reservation of 10.1.0.1/24 52:54:00:aa:00:01 10.1.0.77. "
        "The running network differs until net1 is restarted: Domain."
    )
    now = again(network)
    assert (now.spec.domain, [str(host) for host in now.spec.hosts]) == ("external", ["52:54:00:aa:00:01 10.1.0.77"])
    (step,) = now.plan()
    assert (step.update.command.value, step.update.live, step.update.stored) == ("add", False, True)


def test_a_reservation_keeps_entries_that_are_only_live(page, network):
    make_half_changed(network)
    network.reserve_ids(8, 1)
    (step,) = again(network).plan()
    assert step.text == "Add DHCP reservation of 10.1.0.1/24: 52:54:00:00:00:08 10.1.0.8"
    assert (step.update.live, step.update.stored) == (True, True)


def test_a_restart_keeps_live_entries_and_names_the_other_changes(page, network):
    make_half_changed(network)
    wanted = replace(network.wanted, document=edit(network.full_document, replace(network.spec, mtu=9000)))
    define, restart, update = again(network).plan(wanted)
    assert "external" in define.xml
    assert LIVE_ONLY.replace("'", '"') not in define.xml
    assert restart.text == (
        "Restart net1, because libvirt cannot change this live: MTU. Changes stored outside the portal also take "
        "effect: Domain"
    )
    assert update.text == "Add DHCP reservation of 10.1.0.1/24: 52:54:00:aa:00:01 10.1.0.77"
    assert (update.update.live, update.update.stored) == (True, False)


def test_a_network_that_libvirt_does_not_have_cannot_be_accepted(page, network):
    network.status.write(present=False)
    assert said(page.post(at(network, "take"))) == "libvirt has no net1."
    assert is_as_before(network)


def test_a_change_since_the_page_was_opened_is_not_accepted(page, lab):
    network = make_network(lab)
    network.status.write(present=True, made_at=timezone.now(), document=network.full_document, drift="MTU: 1400")
    seen = again(network).status.drift_digest
    network.status.write(drift="MTU: 1400\ndomain: external")
    before = again(network).generation
    answer = page.post(f"{network.get_absolute_url()}take/", {"seen": seen}, follow=True)
    assert "net1 has been changed in libvirt since you opened this page" in answer.content.decode()
    assert again(network).generation == before
