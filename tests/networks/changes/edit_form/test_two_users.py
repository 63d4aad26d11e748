"""Two users edit a network at the same time."""

import pytest
from django.http import QueryDict

from networks.changes.merge import merged
from tests.networks.changes.edit_form.edited_networks import SHOWN, again, errors, messages, open_form, save, shown


def test_the_second_user_sees_the_changes_of_the_first(page, rich):
    typed = open_form(page, rich)
    save(page, rich, domain="first.test", stp="on", title="First", isolated_ports=None)
    generation = again(rich).generation
    answer = save(page, rich, typed=typed, description="Second", title="Second", nat_ipv6=None)
    assert answer.status_code == 409
    assert answer.context["notes"] == [
        "Somebody else changed “Domain” from lab.test to first.test.",
        "Somebody else changed “STP” from empty to True.",
        "Somebody else changed “Isolated ports” from True to empty.",
        "Somebody else changed “Title” to First. Your value is kept: Second.",
    ]
    assert "Somebody else has changed rich in the meantime" in answer.content.decode()
    assert again(rich).generation == generation
    now = shown(answer)
    assert (now["domain"], now["stp"], now["description"], now["title"]) == (
        *("first.test", "on", "Second"),
        "Second",
    )
    assert not {"isolated_ports", "nat_ipv6"} & now.keys()
    assert save(page, rich, typed=now).status_code == 302
    spec = again(rich).spec
    assert (spec.domain, spec.stp, spec.description, spec.title) == ("first.test", True, "Second", "Second")
    assert (spec.isolated_ports, spec.nat_ipv6) == (False, False)


def test_lists_that_two_users_change_are_merged_line_by_line(page, rich):
    typed = open_form(page, rich)
    first = SHOWN["hosts"].replace("52:54:00:00:00:09 10.255.0.9\n", "") + "\n52:54:00:00:00:0a 10.255.0.10"
    save(page, rich, hosts=first)
    second = "52:54:00:00:00:0b 10.255.0.11\n" + SHOWN["hosts"].replace("\nfd00:255::9 six", "")
    answer = save(page, rich, typed=typed, hosts=second)
    assert answer.context["notes"] == ["Somebody else also changed “DHCP reservations”. Both changes are kept."]
    assert save(page, rich, typed=shown(answer)).status_code == 302
    assert set(map(str, again(rich).spec.hosts)) == {
        "52:54:00:00:00:08 10.255.0.8 eight infinite",
        "id:00:04:58:fd:e4:15 fd00:255::8",
        "52:54:00:00:00:0a 10.255.0.10",
        "52:54:00:00:00:0b 10.255.0.11",
    }


def test_two_equal_changes_are_no_conflict(page, rich):
    typed = open_form(page, rich)
    save(page, rich, title="Both")
    answer = save(page, rich, typed=typed, title="Both")
    assert messages(answer).endswith("rich was not changed.")


def test_a_conflict_after_a_merge_is_shown_and_the_input_is_kept(page, rich):
    typed = open_form(page, rich)
    save(page, rich, hosts=f"{SHOWN['hosts']}\n52:54:00:00:00:0a 10.255.0.10")
    answer = save(page, rich, typed=typed, hosts=f"{SHOWN['hosts']}\n52:54:00:00:00:0b 10.255.0.10")
    assert "10.255.0.10 has two reservations" in errors(answer.context["form"])["hosts"]
    assert "52:54:00:00:00:0b 10.255.0.10" in shown(answer)["hosts"]
    assert "Both changes are kept" in answer.content.decode()


@pytest.mark.parametrize("base", ["", "no JSON", "[]", "null", "[" * 100_000])
def test_without_a_readable_base_the_form_is_saved_as_typed(rich, base):
    typed = QueryDict(mutable=True)
    typed.update({"base": base, "title": "New"})
    assert merged(typed, rich) == (typed, [])
