"""Problems on the pages of networks and VMs, with the buttons that solve them."""

import pytest
from lxml import html

from networks.models import DHCPHost, Lease, Network
from tests.portal.problems.observed_network import EIGHT, NINE, NOBODY, another, entry, run, tell
from tests.support.making import make_lease
from virterweb.pages.tables import ROWS
from vms.models import NICStatus

HTMX = {"HX-Request": "true"}


def listed(answer) -> list[str]:
    """Return the problems of a page as text."""
    assert answer.status_code == 200
    items = html.fromstring(answer.content).xpath("//ul[@class='problems']/li")
    return [" ".join(item.text_content().split()) for item in items]


def links(answer) -> list[str]:
    return html.fromstring(answer.content).xpath("//ul[@class='problems']//a/@href")


@pytest.fixture
def troubled(default, lab, vm) -> Network:
    """Return the network default with a problem of each kind that one click solves."""
    entry(default, "192.168.122.8", EIGHT)
    make_lease(default, EIGHT, "192.168.122.77")
    make_lease(default, NOBODY, "192.168.122.99")
    entry(default, "192.168.122.10", "52:54:00:00:00:0a")
    another(lab, "net1", "192.168.122.129/25", "virbr1")
    run(lab, "alma-9", 9, "net1")
    entry(default, "192.168.122.9", NINE)
    return default


@pytest.mark.parametrize("path", ["/networks/lab-1/default/problems/", "/vms/lab-1/alma-8/problems/"])
def test_htmx_gets_only_the_problems(page, troubled, path):
    whole, part = page.get(path), page.get(path, headers=HTMX)
    assert "<h1>Problems of" in whole.content.decode()
    assert part.content.decode().startswith('<div id="problems" hx-get="')
    assert listed(whole) == listed(part) != []


@pytest.mark.parametrize("path", ["/networks/lab-1/default/problems/", "/vms/lab-1/alma-8/problems/"])
def test_a_page_without_problems_says_so_and_its_fragment_is_empty(page, default, vm, path):
    assert "No problems with the addresses here." in page.get(path).content.decode()
    fragment = html.fromstring(page.get(path, headers=HTMX).content)
    assert (fragment.get("id"), fragment.text_content().strip()) == ("problems", "")


@pytest.mark.parametrize("path", ["/networks/lab-1/no/problems/", "/vms/lab-1/no/problems/"])
def test_deleted_objects_have_no_problems(page, lab, path):
    assert page.get(path).status_code == 404
    assert page.get(path, headers=HTMX).status_code == 404


def test_each_problem_of_a_network_links_to_an_existing_page(page, troubled):
    answer = page.get("/networks/lab-1/default/problems/")
    assert "/networks/lab-1/default/hosts/192.168.122.9/edit/" in links(answer)
    assert "/networks/lab-1/default/hosts/?unused=1" in links(answer)
    for link in links(answer):
        assert page.get(link, follow=True).status_code == 200


def test_the_link_to_unused_reservations_lists_only_those(page, troubled):
    rows = html.fromstring(page.get("/networks/lab-1/default/hosts/?unused=1").content).xpath("//table//tr/@id")
    assert rows == ["host-192.168.122.10"]


def test_many_unknown_leases_link_to_the_leases_of_the_network(page, default):
    for number in range(10, 20):
        make_lease(default, f"52:54:00:cc:00:{number}", f"192.168.122.{number}")
    answer = page.get("/networks/lab-1/default/problems/")
    assert len(listed(answer)) == 1
    assert links(answer) == ["/networks/lab-1/default/leases/"]
    assert page.get(links(answer)[0]).status_code == 200


def press(page, text: str):
    """Press the button with this text on the page of the problems of default."""
    root = html.fromstring(page.get("/networks/lab-1/default/problems/").content)
    (action,) = root.xpath("//form[button[normalize-space()=$text]]/@action", text=text)
    return page.post(action)


def test_release_requests_the_release_of_an_unknown_lease(page, troubled):
    assert press(page, "Release lease").status_code == 302
    asked = Lease.objects.exclude(release_asked_at=None)
    assert [lease.ip for lease in asked] == ["192.168.122.99"]


def test_reserve_instead_reserves_the_current_address_of_the_guest(page, troubled):
    assert press(page, "Reserve 192.168.122.77 instead").status_code == 302
    reservations = DHCPHost.objects.filter(mac=EIGHT)
    assert {desired.ip: desired.removed_at is None for desired in reservations} == {
        "192.168.122.77": True,
        "192.168.122.8": False,
    }


def test_the_page_of_a_vm_has_only_its_own_problems(page, troubled):
    (problem,) = listed(page.get("/vms/lab-1/alma-8/problems/"))
    assert f"alma-8 ({EIGHT}) has 192.168.122.77" in problem


def test_both_machines_with_one_address_show_the_problem_and_the_network_links_to_one(page, default, lab, vm):
    tell(vm, "192.168.122.8")
    tell(run(lab, "alma-9", 9), "192.168.122.8", "arp")
    run(lab, "alma-10", 10)
    answer = page.get("/networks/lab-1/default/problems/")
    assert links(answer) == ["/vms/lab-1/alma-9/"]
    for name, count in (("alma-8", 1), ("alma-9", 1), ("alma-10", 0)):
        assert len(listed(page.get(f"/vms/lab-1/{name}/problems/"))) == count


def test_two_machines_that_are_no_vms_are_listed_as_well(page, default):
    make_lease(default, NOBODY, "192.168.122.8")
    make_lease(default, "52:54:00:cc:00:02", "192.168.122.8")
    assert "192.168.122.8 is used by 2 machines" in listed(page.get("/networks/lab-1/default/problems/"))[0]


def test_a_nic_on_a_deleted_network_is_on_the_page_of_its_vm_and_linked_from_the_overview(page, default, vm):
    NICStatus.objects.create(vm=vm.status, position=1, kind="network", source="net7", mac=NINE)
    (problem,) = listed(page.get("/vms/lab-1/alma-8/problems/"))
    assert "refers to the network net7, which does not exist" in problem
    (link,) = links(page.get("/problems/"))
    assert page.get(link, follow=True).redirect_chain == [(vm.get_absolute_url(), 302)]


def test_names_from_outside_the_portal_are_escaped(page, default):
    make_lease(default, NOBODY, "192.168.122.8", "<script>alert(1)</script>")
    shown = page.get("/networks/lab-1/default/problems/").content.decode()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_many_problems_are_on_several_pages(page, default):
    for number in range(ROWS + 1):
        address = f"192.168.122.{100 + number}"
        make_lease(default, f"52:54:00:cc:01:{number:02x}", address)
        make_lease(default, f"52:54:00:cc:02:{number:02x}", address)
    first = page.get("/networks/lab-1/default/problems/", headers=HTMX)
    assert len(listed(first)) == ROWS
    (following,) = html.fromstring(first.content).xpath("//a[@rel='next']/@href")
    second = listed(page.get(following))
    assert second and not {*second} & {*listed(first)}
