"""Several networks are changed together."""

import pytest

from networks.models import Network
from tests.networks.changes.pages.change_pages import again, is_as_before, make_attached, make_made, rows, said, tree
from tests.support.making import make_foreign_network, make_network


def bulk(client, action: str, *networks: Network, **more: str):
    return client.post("/networks/bulk/", {"action": action, "network": [each.pk for each in networks], **more})


def confirm(client, answer):
    (form,) = tree(answer).xpath("//main//form")
    data = {name: [value for key, value in form.form_values() if key == name] for name, _ in form.form_values()}
    return client.post("/networks/bulk/", data)


@pytest.fixture
def three(lab, network) -> list[Network]:
    """Return a network that runs with a VM, one that is stopped, and an unmanaged one."""
    make_attached(network)
    stopped = make_network(lab, "net2", "10.2.0.1/24", active=False, autostart=False)
    return [network, make_made(stopped, active=False, autostart=False), make_foreign_network(lab)]


def test_each_network_has_its_own_plan(page, three):
    answer = bulk(page, "stop", *three)
    assert answer.status_code == 200
    assert rows(answer) == [
        ["default", "The portal does not manage it. Adopt it first", ""],
        ["net1", "Stop net1", "alma-8-8: disconnected"],
        ["net2", "Nothing changes", ""],
    ]
    assert all(is_as_before(each) for each in three)


def test_several_networks_are_stopped_and_refused_ones_are_unchanged(
    page, three, enqueued, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        assert said(confirm(page, bulk(page, "stop", *three))) == (
            "default: The portal does not manage it. Adopt it first. Stop: net1, net2."
        )
    assert [again(each).active for each in three[:2]] == [False, False]
    assert is_as_before(three[2])
    assert again(three[0]).accepted[0]["vms"] == ["alma-8-8"]
    assert {pk for _, pk in enqueued} == {three[0].pk, three[1].pk}


@pytest.mark.parametrize(
    ("action", "column", "value"),
    [("start", "active", True), ("autostart", "autostart", True), ("no-autostart", "autostart", False)],
)
def test_several_networks_are_started_or_stopped(page, three, action, column, value):
    confirm(page, bulk(page, action, *three[:2]))
    assert [getattr(again(each), column) for each in three[:2]] == [value, value]


def test_several_networks_are_deleted_and_the_page_names_disconnected_vms(page, three):
    answer = bulk(page, "remove", *three)
    assert ["net1", "Delete net1", "alma-8-8: disconnected"] in rows(answer)
    assert all(is_as_before(each) for each in three)
    confirm(page, answer)
    assert all(
        again(each).removed_at and again(each).allow_disconnect == ["alma-8-8"] * (each.name == "net1")
        for each in three
    )


def test_several_networks_are_adopted(page, three, lab):
    answer = bulk(page, "adopt", *three)
    assert rows(answer)[0] == ["default", "The portal manages it from now on; nothing changes in libvirt", ""]
    assert rows(answer)[1][1] == "The portal already manages it"
    assert said(confirm(page, answer)).endswith(" net2: The portal already manages it. Adopt: default.")
    assert again(three[2]).managed


@pytest.mark.parametrize("token", ["", "made up"])
def test_nothing_is_done_without_the_shown_plan(page, three, token):
    assert bulk(page, "remove", *three, token=token).status_code == 200
    assert all(is_as_before(each) for each in three)


def test_a_new_vm_makes_the_page_ask_again(page, three):
    shown = bulk(page, "stop", *three)
    make_attached(three[0], "alma-9-9", 9)
    answer = confirm(page, shown)
    assert ["net1", "Stop net1", "alma-8-8, alma-9-9: disconnected"] in rows(answer)
    assert is_as_before(three[0])


@pytest.mark.parametrize(
    "data",
    [
        {"action": "stop"},
        {"action": "explode", "network": ["1"]},
        {"action": "stop", "network": ["x"]},
        {"action": "stop", "network": ["9" * 30]},
    ],
)
def test_an_invalid_selection_has_an_error(page, lab, data):
    answer = page.post("/networks/bulk/", data)
    assert answer.url == "/networks/"
    assert said(answer) == "Choose networks and an action."


def test_deleting_the_access_network_shows_the_consequences(page, three, lab):
    (row,) = [row for row in rows(bulk(page, "remove", *three)) if row[0] == "default"]
    assert row[1] == "Delete default This is the access network of lab-1. No VM can be run there without it."
