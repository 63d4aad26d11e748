"""Tags in the lists of VMs and networks: shown, filtered by, and changed for many at once."""

import pytest
from lxml import html

from networks.models import Network
from tests.support.making import make_foreign_network, make_network, make_vm
from virterweb.people.models import Team
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.fixture
def three(lab, vm, users) -> list[VM]:
    """Return VMs with the tags db and web, web alone, and none."""
    red = {"team": Team.objects.get(name="red"), "owner": users["otto"]}
    others = [make_vm(lab, f"vm-{number}", number + 20, **red) for number in (2, 3)]
    vm.change_tags(add=["web", "db"])
    others[0].change_tags(add=["web"])
    return [vm, *others]


def listed(client, query: str = "", path: str = "/vms/") -> list[str]:
    return html.fromstring(client.get(f"{path}{query}").content).xpath("//tbody/tr/td[1]/a[not(@class)]/text()")


def offered(client, query: str = "") -> list[str]:
    page = html.fromstring(client.get(f"/vms/{query}").content)
    return page.xpath("//details[summary[text()='Tag']]//a/text()")


def test_a_row_shows_the_tags_each_a_link_to_the_list_filtered_by_it(browse, three):
    page = html.fromstring(browse("otto").get("/vms/").content)
    links = page.xpath("//tr[.//a[text()='vm-1']]//a[contains(@class, 'tag hue-')]")
    assert [(link.text, link.get("href")) for link in links] == [("db", "/vms/?tag=db"), ("web", "/vms/?tag=web")]


def test_the_chip_offers_the_tags_of_the_list_and_the_rows_without_one(browse, three, hidden):
    assert offered(browse("otto")) == ["db", "web", "no tag"]
    assert offered(browse("otto"), "?q=vm-2") == []  # a single choice is none


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?tag=web", ["vm-1", "vm-2"]),
        ("?tag=db", ["vm-1"]),
        ("?tag=-", ["vm-3"]),
        *(
            (f"?tag={tag}", [])
            for tag in ("we", "eb", "WEB", "w_b", "%25", "db%20web", "secret", "%3Cb%3E", "%F0%9F%A6%8A")
        ),
    ],
)
def test_the_list_has_the_vms_with_the_whole_tag_alone(browse, three, hidden, query, names):
    assert listed(browse("otto"), query) == names
    assert len(listed(browse("otto"), query)) == browse("otto").get(f"/vms/{query}").context["narrowed"].count


def test_networks_are_filtered_by_tag_too(browse, lab, network):
    make_network(lab, "net2", "10.2.0.1/24", team=network.team, owner=network.owner)
    network.change_tags(add=["web"])
    assert listed(browse("otto"), "?tag=web", "/networks/") == ["net1"]
    assert listed(browse("otto"), "?tag=-", "/networks/") == ["net2"]


def send(client, action: str, typed: str, *things, path: str = "/vms/many/", key: str = "vm", **more: str):
    """Choose objects in the list, then send the form of the page that follows."""
    chosen = {"action": action, key: [thing.pk for thing in things], **more}
    assert client.post(path, chosen).status_code == 200
    return client.post(path, {**chosen, "asked": "yes", "tags": typed}, follow=True)


def now() -> dict[str, tuple[str, ...]]:
    return {vm.name: vm.tag_names for vm in VM.objects.all()}


def test_tags_are_added_to_many_vms_and_removed_from_them(browse, three):
    answer = send(browse("otto"), "add-tags", "new, web", *three)
    assert "Tags changed: vm-1, vm-2, vm-3." in answer.content.decode()
    assert now() == {"vm-1": ("db", "new", "web"), "vm-2": ("new", "web"), "vm-3": ("new", "web")}
    answer = send(browse("otto"), "remove-tags", "web db", *three[:2])
    assert now() == {"vm-1": ("new",), "vm-2": ("new",), "vm-3": ("new", "web")}


def test_networks_get_tags_many_at_once(page, lab, network):
    other = make_foreign_network(lab)
    send(page, "add-tags", "web", network, other, path="/networks/bulk/", key="network")
    assert {each.tag_names for each in Network.objects.all()} == {("web",)}


def test_what_a_user_may_not_edit_is_left_out_with_the_reason(browse, three, hidden):
    answer = send(browse("rita"), "add-tags", "new", *three, hidden).content.decode()
    assert "Tags not changed: vm-1. You may not edit vm-1." in answer
    assert "hers" not in answer
    assert "No tags were changed." in answer
    assert now()["hers"] == ("secret",)


@pytest.mark.parametrize("typed", ["", " , ", "<b>", "🦊", "x" * 300, ",".join(f"t{number}" for number in range(1000))])
def test_tags_that_cannot_be_are_refused_before_anything_is_changed(browse, three, typed):
    before = now()
    assert send(browse("otto"), "add-tags", typed, *three).status_code == 422
    assert now() == before


def test_a_vm_that_would_have_too_many_is_left_out(browse, three):
    three[0].change_tags(add=[f"t{number}" for number in range(18)])
    answer = send(browse("otto"), "add-tags", "new", *three[:2]).content.decode()
    assert "Tags not changed: vm-1. 21 tags are too many. An object has at most 20." in answer
    assert "Tags changed: vm-2." in answer


def test_only_tags_of_the_chosen_vms_are_suggested_for_removal_and_visible_ones_for_adding(browse, three, hidden):
    chosen = {"vm": three[1].pk}
    for action, tags in (("remove-tags", ["web"]), ("add-tags", ["db", "web"])):
        page = html.fromstring(browse("otto").post("/vms/many/", {"action": action, **chosen}).content)
        assert page.xpath("//datalist[@id='tags']/option/@value") == tags


def test_all_vms_that_match_the_filter_by_a_tag_are_started(browse, three):
    otto = browse("otto")
    chosen = {"action": "start", "all": "yes", "tag": "web"}
    VM.objects.update(running=False)
    for each in three:
        each.status.write(present=True, power="off", generation=each.generation)
    shown = otto.post("/vms/many/", chosen)
    otto.post("/vms/many/", {**chosen, "asked": "yes", "go": "yes", "token": shown.context["token"]})
    assert dict(VM.objects.values_list("name", "running")) == {"vm-1": True, "vm-2": True, "vm-3": False}


def test_the_list_filtered_by_a_tag_keeps_it_for_the_action_on_all_of_them(browse, three):
    page = html.fromstring(browse("otto").get("/vms/?tag=web").content)
    assert page.xpath("//form[@id='many']/input[@name='tag']/@value") == ["web"]
