"""Which changes a fragment of a page shows, and what is sent of one that has changed."""

import pytest
from django.http import Http404
from hypothesis import given
from hypothesis import strategies as st

from virterweb.changes.models import EVERYWHERE
from virterweb.portal.live.fragments import TIMES, Rendered, fragment

IDS = {"lab": 7, "a/b": 8}


@pytest.mark.parametrize(
    ("url", "about"),
    [
        ("/networks/lab/net1/", "lab"),
        ("/networks/lab/net1/leases/?page=2", "lab"),
        ("/trouble/?hypervisor=lab", "lab"),
        ("/vms/?hypervisor=lab&q=x", "lab"),
    ],
)
def test_a_fragment_about_one_hypervisor_shows_its_changes_and_those_of_the_portal(url, about):
    found = fragment(url, IDS)
    assert (found.hypervisor, found.topics) == (about, {EVERYWHERE, TIMES, IDS[about]})


@pytest.mark.parametrize("url", ["/vms/lab/alma-8-8/", "/vms/lab/alma-8-8/traffic/", "/networks/lab/net1/traffic/"])
def test_the_page_of_a_vm_and_charts_show_traffic_too(url):
    assert -7 in fragment(url, IDS).topics


def test_the_page_of_a_network_does_not_change_with_traffic():
    assert -7 not in fragment("/networks/lab/net1/", IDS).topics


@pytest.mark.parametrize("url", ["/networks/", "/", "/networks/other/net1/", "/trouble/?hypervisor=", "/activity/?q=a"])
def test_any_other_fragment_shows_all_changes(url):
    found = fragment(url, IDS)
    assert (found.hypervisor, found.topics) == ("", None)
    assert found.shows(frozenset([99]))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nowhere",
        "/nowhere/",
        "//example.net/networks/",
        "http://example.net/networks/",
        "javascript:alert(1)",
        "/networks/\0/",
        "/networks/%00/",
        "/networks/?q=" + "x" * 5000,
        "/networks/\n/",
    ],
)
def test_what_is_no_page_of_the_portal_is_not_found(url):
    with pytest.raises(Http404):
        fragment(url, IDS)


LINES = st.lists(st.sampled_from(["<tr>", "<td>1</td>", "<td>2</td>", "</tr>", "", "ä"]), max_size=30)


def rendered(lines: list[str]) -> Rendered:
    return Rendered(html="\n".join(lines), version=1, began_at=0, at=0, seconds=0)


@given(LINES, LINES)
def test_a_patch_makes_the_new_lines_of_the_old_ones(before, after):
    old, new = rendered(before), rendered(after)
    lines = list(old.lines)
    for start, end, others in reversed(new.patch(old)):
        lines[start:end] = others
    assert lines == new.lines


def test_a_patch_of_one_cell_in_a_long_table_has_only_that_cell():
    old = [f"<td>{number}</td>" for number in range(5000)]
    new = [*old[:2500], "<td>changed</td>", *old[2501:]]
    assert rendered(new).patch(rendered(old)) == [(2500, 2501, ["<td>changed</td>"])]
