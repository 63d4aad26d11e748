"""Networks are adopted and released."""

from tests.networks.changes.pages.change_pages import again, at, is_as_before, said
from tests.support.making import make_foreign_network, make_host, make_network


def test_adopting_saves_the_definition_and_changes_nothing_in_libvirt(page, lab, user):
    foreign = make_foreign_network(lab)
    found = foreign.status.document.replace("</dhcp>", "<host mac='52:54:00:00:00:08' ip='192.168.122.8'/></dhcp>")
    foreign.status.write(document=found, autostart=False)
    answer = page.post(at(foreign, "adopt"))
    assert said(answer) == "The portal manages default from now on. Nothing changes in libvirt."
    now = again(foreign)
    assert (now.managed, now.active, now.autostart, now.plan(), now.plan(overwrite=True)) == (True, True, False, (), ())
    assert [str(host) for host in now.hosts.all()] == ["52:54:00:00:00:08 192.168.122.8"]
    assert now.status.made_at
    revision = now.revisions.get()
    assert (revision.what, revision.by) == ("adopted", user)


def test_a_network_whose_name_is_taken_cannot_be_adopted(page, lab):
    make_network(lab, "default", "10.9.0.1/24")
    foreign = make_foreign_network(lab)
    foreign_path = "/networks/lab-1/default/adopt/"
    assert said(page.post(foreign_path)) == "The portal already manages another network default on lab-1."
    assert again(foreign).managed is False


def test_a_managed_network_cannot_be_adopted(page, network):
    assert said(page.post(at(network, "adopt"))) == "The portal already manages net1."
    assert is_as_before(network)


def test_releasing_changes_nothing_in_libvirt(page, network, enqueued):
    make_host(network, "52:54:00:00:00:08", "10.1.0.8")
    answer = page.post(at(network, "release"))
    assert said(answer) == "The portal no longer manages net1. libvirt keeps it as it is."
    now = again(network)
    assert (now.state, now.document, now.hosts.count()) == ("unmanaged", "", 0)
    assert [revision.what for revision in now.revisions.all()] == ["released", "added"]
    assert now.status.document == network.status.document
    assert enqueued == []
    assert page.get(now.get_absolute_url()).status_code == 200


def test_a_released_network_can_be_adopted_again(page, network):
    page.post(at(network, "release"))
    page.post(at(network, "adopt"))
    assert again(network).full_document == network.full_document


def test_a_network_that_libvirt_does_not_have_cannot_be_released(page, network):
    network.status.write(present=False)
    page.post(at(network, "release"))
    assert again(network).managed


def test_operators_configure_automatic_actions(staff, network):
    staff.post(at(network, "on-drift"), {"on_drift": "put back"})
    assert again(network).on_drift == "put back"
    staff.post(at(network, "on-drift"), {"on_drift": "nonsense"})
    assert again(network).on_drift == "put back"
    assert again(network).generation == network.generation


def test_users_cannot_configure_automatic_actions(member_page, network):
    assert member_page.post(at(network, "on-drift"), {"on_drift": "take"}).status_code == 403
    assert again(network).on_drift == "ask"
    assert 'name="on_drift"' not in member_page.get(network.get_absolute_url()).content.decode()
