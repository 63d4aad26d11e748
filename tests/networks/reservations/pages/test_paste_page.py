"""The page on which reservations are pasted."""

import time

import pytest
from django.http import HttpResponse

from networks.definition.spec import HostSpec
from networks.reservations.forms import MAX_PASTE_LENGTH
from networks.reservations.reservations import reserve
from tests.networks.reservations.pages.reservation_pages import (
    EIGHT,
    HOSTILE,
    MAC,
    NINE,
    OTHER_MAC,
    WIDE,
    again,
    at,
    filled,
    found,
    paste,
    pushed,
    reserved,
    said,
    table,
    text,
    tree,
)
from tests.support.making import make_foreign_network, make_lease


def token(answer: HttpResponse) -> str:
    return tree(answer).xpath("string(//input[@name='token']/@value)")


MIXED = f"""mac,ip,name
{MAC},10.5.0.8,eight
# a comment

{OTHER_MAC},10.5.0.19,nine
52:54:00:00:00:0b,10.5.0.11,eleven
nonsense
52:54:00:00:00:0c,10.6.0.12
"""


def test_the_preview_of_a_paste_shows_each_line(post, net, enqueued):
    found(net, EIGHT, NINE)
    answer = paste(post, net, MIXED)
    assert answer.status_code == 200
    assert table(answer, "right") == [
        ["2", "10.5.0.8", MAC, "eight", "unchanged"],
        ["5", "10.5.0.19", OTHER_MAC, "nine", f"changed was {NINE}"],
        ["6", "10.5.0.11", "52:54:00:00:00:0b", "eleven", "new"],
    ]
    assert [row[:2] for row in table(answer, "wrong")] == [["7", "nonsense"], ["8", "52:54:00:00:00:0c,10.6.0.12"]]
    assert table(answer, "wrong")[1][2] == "10.6.0.12 is outside all blocks of this network: 10.5.0.0/24, fd00:5::/64."
    assert "1 new, 1 changed, 1 unchanged, 2 invalid." in text(tree(answer))
    assert "Reserve 2 valid addresses" in text(tree(answer))
    assert filled(answer)["text"].splitlines() == MIXED.splitlines()
    assert (reserved(net), enqueued) == ({EIGHT, NINE}, [])


def test_the_valid_lines_of_a_paste_are_saved(post, net, enqueued):
    found(net, EIGHT, NINE)
    answer = paste(post, net, MIXED, token=token(paste(post, net, MIXED)))
    assert answer.url == at(net)
    assert said(answer) == "2 DHCP reservations are being added or changed."
    moved = HostSpec(mac=OTHER_MAC, ip="10.5.0.19", name="nine")
    assert reserved(net) == {EIGHT, moved, HostSpec(mac="52:54:00:00:00:0b", ip="10.5.0.11", name="eleven")}
    assert enqueued == pushed(net)


def test_a_paste_is_shown_again_when_somebody_changed_the_network_meanwhile(post, net, enqueued):
    line = f"{MAC} 10.5.0.8 eight"
    shown = token(paste(post, net, line))
    reserve(again(net), [HostSpec(mac=MAC, ip="10.5.0.80")], None)
    answer = paste(post, net, line, token=shown)
    assert answer.status_code == 409
    assert "has changed since the preview" in text(tree(answer))
    assert table(answer, "right")[0][-1] == f"changed was {MAC} 10.5.0.80"
    assert (reserved(net), enqueued) == ({HostSpec(mac=MAC, ip="10.5.0.80")}, [])
    assert paste(post, net, line, token=token(answer)).status_code == 302
    assert reserved(net) == {EIGHT}


def test_a_line_that_became_invalid_is_not_saved(post, net, enqueued):
    shown = token(paste(post, net, f"{MAC} 10.5.0.8 eight"))
    reserve(again(net), [HostSpec(mac=OTHER_MAC, ip="10.5.0.8")], None)
    answer = paste(post, net, f"{MAC} 10.5.0.8 eight", token=shown)
    assert (answer.status_code, token(answer), enqueued) == (409, "", [])
    assert table(answer, "wrong")[0][2] == f"10.5.0.8 is already reserved for {OTHER_MAC}."


@pytest.mark.parametrize("typed", [f"{MAC} 10.5.0.18 eight", f"{MAC} 10.5.0.8 acht", f"{OTHER_MAC} 10.5.0.8 eight"])
def test_a_text_that_was_changed_after_the_preview_is_shown_first(post, net, enqueued, typed):
    shown = token(paste(post, net, f"{MAC} 10.5.0.8 eight"))
    answer = paste(post, net, typed, token=shown)
    assert answer.status_code == 409
    assert (reserved(net), enqueued) == (set(), [])


def test_another_preview_saves_nothing(post, net, enqueued):
    line = f"{MAC} 10.5.0.8 eight"
    shown = filled(paste(post, net, line))
    answer = post(at(net, "host_paste"), shown | {"preview": "1"})
    assert (answer.status_code, reserved(net), enqueued) == (200, set(), [])
    answer = post(at(net, "host_paste"), shown | {"preview": "1", "text": f"{line}-changed"})
    assert (answer.status_code, reserved(net), enqueued) == (200, set(), [])
    assert "has changed since the preview" not in text(tree(answer))


@pytest.mark.parametrize("made_up", ["", "0" * 16])
def test_an_invalid_token_saves_nothing(post, net, enqueued, made_up):
    assert paste(post, net, f"{MAC} 10.5.0.8 eight", token=made_up).status_code == 409
    assert (reserved(net), enqueued) == (set(), [])


@pytest.mark.parametrize("pasted", [f"{MAC} 10.5.0.8 eight", "nonsense", "# only a comment", "  \r\n\t\n"])
def test_a_paste_without_changes_has_no_button(post, net, pasted):
    found(net, EIGHT)
    answer = paste(post, net, pasted)
    assert answer.status_code == 200
    assert token(answer) == ""
    assert [text(button) for button in tree(answer).xpath("//main//button")] == ["Preview"]
    assert paste(post, net, pasted, token="").status_code == 409


@pytest.mark.parametrize("pasted", ["", "x" * (MAX_PASTE_LENGTH + 1)], ids=["empty", "too long"])
def test_a_paste_that_is_empty_or_too_long_is_refused(post, net, enqueued, pasted):
    answer = paste(post, net, pasted)
    assert answer.status_code == 422
    assert tree(answer).xpath("//div[@class='error']")
    assert enqueued == []


def test_the_empty_paste_page_shows_no_error(page, net):
    answer = page.get(at(net, "host_paste"))
    assert [text(button) for button in tree(answer).xpath("//main//button")] == ["Preview"]


def test_pasted_text_is_escaped(post, net):
    answer = paste(post, net, f"{HOSTILE}\n</textarea>{HOSTILE}\n{MAC} 10.5.0.8 {HOSTILE}")
    assert HOSTILE not in answer.content.decode()
    assert table(answer, "wrong")[0][1] == HOSTILE
    assert filled(answer)["text"].split()[1] == f"</textarea>{HOSTILE}"


def test_ten_thousand_lines_are_answered_quickly(post, lab, enqueued):
    wide = make_foreign_network(lab, WIDE)
    numbers = [(number // 250 + 1, number % 250 + 1) for number in range(10_000)]
    pasted = "\n".join(f"52:54:00:01:{a:02x}:{b:02x} 10.6.{a}.{b} vm-{a}-{b}" for a, b in numbers)
    began = time.process_time()
    answer = paste(post, wide, pasted)
    assert time.process_time() - began < 3
    assert "10000 new, 0 changed, 0 unchanged, 0 invalid." in " ".join(answer.content.decode().split())
    assert enqueued == []


def test_a_pasted_address_that_another_guest_has_now_causes_a_warning(page, post, net):
    make_lease(net, OTHER_MAC, "10.5.0.9", "somebody")
    answer = paste(post, net, f"{MAC} 10.5.0.9 eight\n{OTHER_MAC} 10.5.0.10")
    right = [" ".join(row) for row in table(answer, "right")]
    assert "now leased to somebody" in right[0]
    assert "leased" not in right[1]
