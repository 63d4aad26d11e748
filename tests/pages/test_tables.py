"""Tables sort names by their numbers."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from tests.support.examples import examples
from tests.support.making import make_hypervisor, make_network, make_vm
from virterweb.pages import tables
from virterweb.pages.tables import natural_key

NAMES = ["", "7", "10", "a", "A1", "a2", "a10", "a10b", "a10b2", "a10b10", "b", "vm-2", "VM-10", "vm-010a"]


def test_names_are_sorted_by_their_numbers():
    mixed = random.Random(3).sample(NAMES, len(NAMES))
    assert sorted(mixed, key=natural_key) == NAMES


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.text(st.sampled_from("aB-10²٣ß")) | st.text()))
def test_any_texts_can_be_sorted(texts):
    keys = sorted(map(natural_key, texts))
    assert all(one <= other for one, other in pairwise(keys))


def test_a_number_of_any_length_can_be_sorted():
    assert natural_key("9" * 10_000) < natural_key("1" + "0" * 10_000)


@pytest.mark.parametrize("path", ["/vms/", "/networks/", "/vms/?sort=-name", "/networks/?sort=-name"])
def test_pages_list_vm_2_before_vm_10(page, path):
    lab = make_hypervisor()
    for name in ("vm-10", "vm-2", "VM-3"):
        make_network(lab, name, "")
        make_vm(lab, name, None)
    text = page.get(path).content.decode()
    places = [text.index(f"/{name}/") for name in ("vm-2", "VM-3", "vm-10")]
    assert places == sorted(places, reverse="-name" in path)


def names_on(page, path: str) -> list[str]:
    (table,) = html.fromstring(page.get(path).content.decode()).xpath("//table")
    return [link.text for link in table.xpath("./tbody/tr/td[1]/a")]


@pytest.fixture
def many(db, monkeypatch):
    """Show two rows on a page, and have five networks and VMs."""
    monkeypatch.setattr(tables, "ROWS", 2)
    lab = make_hypervisor()
    for number in range(5):
        make_network(lab, f"thing-{number}", "")
        make_vm(lab, f"thing-{number}", None)


@pytest.mark.parametrize("path", ["/vms/", "/networks/"])
def test_a_long_list_is_shown_in_pages_that_the_url_names(page, many, path):
    assert names_on(page, path) == ["thing-0", "thing-1"]
    assert names_on(page, f"{path}?page=3") == ["thing-4"]
    assert names_on(page, f"{path}?page=9") == ["thing-4"]
    assert names_on(page, f"{path}?page=x") == ["thing-0", "thing-1"]
    assert names_on(page, f"{path}?sort=-name&page=2") == ["thing-2", "thing-1"]
    shown = page.get(f"{path}?sort=-name&page=2").content.decode()
    assert "3–4 of 5" in shown
    assert f'href="{path}?sort=-name&amp;page=3" rel="next"' in shown
    assert f'href="{path}?sort=-name&amp;page=1" rel="prev"' in shown
    assert 'href="?sort=name"' in shown  # another order begins at the first page
