"""Reservations that are edited and deleted."""

from dataclasses import replace

from lxml import html

from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus
from networks.reservations.reservations import remove, reserve
from tests.networks.reservations.pages.reservation_pages import (
    DUID,
    EIGHT,
    MAC,
    NINE,
    OTHER_MAC,
    SIX,
    again,
    at,
    errors,
    filled,
    found,
    pushed,
    reserved,
    said,
    table,
    text,
    tree,
)


def test_an_entry_is_changed(post, page, net, enqueued):
    found(net, NINE, SIX)
    shown = filled(page.get(at(net, "host_edit", NINE.ip)))
    assert {"mac": OTHER_MAC, "ip": "10.5.0.9", "name": "nine", "lease": "12h", "duid": ""}.items() <= shown.items()
    answer = post(at(net, "host_edit", NINE.ip), shown | {"ip": "10.5.0.19", "lease": ""})
    assert answer.url == at(net)
    assert reserved(net) == {HostSpec(mac=OTHER_MAC, ip="10.5.0.19", name="nine"), SIX}
    assert enqueued == pushed(net)
    shown = filled(page.get(at(net, "host_edit", SIX.ip)))
    post(at(net, "host_edit", SIX.ip), shown | {"name": "sechs"})
    assert HostSpec(duid=DUID, ip=SIX.ip, name="sechs") in reserved(net)


def test_a_refused_change_has_an_error_at_its_field(post, page, net, enqueued):
    found(net, EIGHT, NINE)
    typed = filled(page.get(at(net, "host_edit", NINE.ip))) | {"ip": EIGHT.ip}
    answer = post(at(net, "host_edit", NINE.ip), typed)
    assert (answer.status_code, errors(answer)) == (422, {"ip": f"10.5.0.8 is already reserved for {MAC} (eight)."})
    assert filled(answer).items() >= typed.items()
    assert (reserved(net), enqueued) == ({EIGHT, NINE}, [])


def test_saving_an_unchanged_entry_is_no_change(post, page, net):
    found(net, EIGHT)
    before = again(net).generation
    assert post(at(net, "host_edit", EIGHT.ip), filled(page.get(at(net, "host_edit", EIGHT.ip)))).url == at(net)
    assert (again(net).generation, net.hosts.count()) == (before, 0)


def test_a_deleted_entry_cannot_be_edited(page, net):
    answer = page.get(at(net, "host_edit", EIGHT.ip))
    assert answer.url == at(net)
    assert said(answer) == "10.5.0.8 is no longer reserved, because somebody else removed the reservation."


def test_an_entry_that_was_deleted_during_the_edit_is_not_created_again(post, page, net, enqueued):
    found(net, EIGHT)
    typed = filled(page.get(at(net, "host_edit", EIGHT.ip))) | {"name": "acht", "lease": "3h"}
    remove(again(net), [EIGHT.ip], None)
    answer = post(at(net, "host_edit", EIGHT.ip), typed)
    assert answer.status_code == 409
    assert "Somebody else has removed this reservation in the meantime. Nothing was changed" in text(tree(answer))
    assert (reserved(net), enqueued) == (set(), [])
    assert {"mac": MAC, "ip": EIGHT.ip, "name": "acht", "lease": "3h"}.items() <= filled(answer).items()
    (action,) = tree(answer).xpath("//main//form[@method='post']/@action")
    post(action, filled(answer))
    assert reserved(net) == {HostSpec(mac=MAC, ip=EIGHT.ip, name="acht", lease=10800)}


def test_an_entry_that_passed_to_another_guest_during_the_edit_is_not_changed(post, page, net, enqueued):
    found(net, EIGHT)
    typed = filled(page.get(at(net, "host_edit", EIGHT.ip))) | {"name": "acht"}
    heir = HostSpec(mac=OTHER_MAC, ip=EIGHT.ip, name="heir")
    reserve(again(net), [heir], None, was=EIGHT.ip)
    answer = post(at(net, "host_edit", EIGHT.ip), typed)
    assert answer.status_code == 409
    assert (reserved(net), enqueued) == ({heir}, [])
    assert filled(answer)["name"] == "acht"


def chosen(*hosts: HostSpec) -> list[str]:
    """Return what the buttons of these entries send."""
    return [f"{host.ip} {host.guest}" for host in hosts]


def test_an_entry_that_passed_to_another_guest_is_not_deleted(page, post, net, enqueued):
    found(net, EIGHT)
    (value,) = html.fromstring(page.get(at(net)).content).xpath("//button[@name='ip']/@value")
    assert [value] == chosen(EIGHT)
    DHCPHostStatus.objects.all().delete()
    found(net, replace(EIGHT, mac=OTHER_MAC))
    assert "somebody else changed this" in said(post(at(net, "host_remove"), {"ip": value}))
    assert (reserved(net), enqueued) == ({replace(EIGHT, mac=OTHER_MAC)}, [])


def test_entries_are_deleted(post, net, enqueued):
    found(net, EIGHT, NINE, SIX)
    answer = post(at(net, "host_remove"), {"ip": chosen(EIGHT)})
    assert (answer.url, said(answer)) == (at(net), "10.5.0.8 is no longer reserved.")
    assert (reserved(net), enqueued) == ({NINE, SIX}, pushed(net))
    answer = post(at(net, "host_remove"), {"ip": chosen(EIGHT, NINE, SIX)})
    assert said(answer).endswith("2 addresses are no longer reserved.")
    assert (reserved(net), enqueued) == (set(), pushed(net))


def test_several_entries_are_named_before_they_are_removed(page, post, net, enqueued):
    found(net, EIGHT, NINE, SIX)
    boxes = tree(page.get(at(net))).xpath("//input[@type='checkbox'][@form='many-hosts']/@value")
    assert boxes == chosen(EIGHT, NINE, SIX)
    answer = post(at(net, "host_remove"), {"ip": [*chosen(EIGHT, NINE), "nonsense"], "ask": "1"})
    assert [row[0] for row in table(answer, "hosts-table")] == ["10.5.0.8", "10.5.0.9"]
    assert (len(reserved(net)), enqueued) == (3, [])
    (form,) = tree(answer).xpath("//main//form[.//button[contains(., 'Remove 2 reservations')]]")
    post(form.get("action"), {"ip": form.xpath(".//input[@name='ip']/@value")})
    assert reserved(net) == {SIX}


def test_deleting_a_deleted_entry_succeeds_with_a_message(post, net, enqueued):
    answer = post(at(net, "host_remove"), {"ip": chosen(EIGHT, NINE)})
    assert answer.url == at(net)
    assert said(answer).startswith("10.5.0.8, 10.5.0.9: nothing was removed, because somebody else changed this")
    assert enqueued == []
    assert "nonsense: nothing was removed" in said(post(at(net, "host_remove"), {"ip": ["nonsense"]}))
    assert post(at(net, "host_remove")).url == at(net)
    assert enqueued == []
