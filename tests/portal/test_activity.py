"""The activity page: who changed what, filtered, with links to what still exists, and as CSV and JSON."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.definition.events import Event
from networks.models import Network
from tests.support.making import make_hypervisor, make_image, make_network, make_vm
from tests.support.shown import queries_of
from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject
from virterweb.hypervisors.desired.revisions import conclude
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from vms.models import VM


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    return make_hypervisor("lab")


@pytest.fixture
def network(lab, user) -> Network:
    """A network that an operator has stopped."""
    network = make_network(lab, "net1")
    network.change(Event.STOPPED, user, active=False)
    return network


@pytest.fixture
def vm(lab, member) -> VM:
    """A VM that a member has resized and that another process started."""
    vm = make_vm(lab, "alma-8-8", image=make_image(lab), owner=member)
    vm.resize(2048, 1, member)
    vm.ask_power("start")
    return vm


def rows(client, query: str = "", **headers: str) -> list[str]:
    """Return the rows of the page as texts, without how long something is in progress."""
    answer = client.get(f"/activity/{query}", headers=headers)
    assert answer.status_code == 200
    found = html.fromstring(answer.content).xpath("//tr[starts-with(@id, 'entry-')]")
    for each in found:
        for time in each.xpath(".//time[@data-age='for']/.."):
            time.drop_tree()
    return [
        " | ".join(" ".join(cell.text_content().split()) for cell in row.xpath("td[position()>1]")) for row in found
    ]


def links(client, query: str = "") -> list[str]:
    found = html.fromstring(client.get(f"/activity/{query}").content)
    return found.xpath("//tr[starts-with(@id, 'entry-')]//a/@href")


OBJECTS = "?kind=network"


def test_each_entry_says_who_did_what_with_which_object_and_how_it_ended(page, network, vm):
    conclude(network)
    vm.status.write(progress=Message("image.in_pool"))
    shown = [row for row in rows(page) if "sign-in" not in row]
    assert shown == [
        "worker | alma-8-8 on lab | started VM | in progress transferring to the pool",
        "otto worker | alma-8-8 on lab | memory and vCPUs edited VM | in progress transferring to the pool",
        "mira worker | net1 on lab | stopped network | done",
    ]


def test_a_refused_change_shows_the_reason(page, network):
    conclude(network, Message("network.managed"))
    assert rows(page, "?result=failed") == [
        "mira worker | net1 on lab | stopped network | The portal already manages it"
    ]


def test_an_entry_links_to_its_object_and_to_the_definition_that_it_saved(page, network):
    revision = network.revisions.first().pk
    assert links(page, OBJECTS) == ["/networks/lab/net1/", f"/networks/lab/net1/history/{revision}/"]
    network.revisions.all().delete()
    assert links(page, OBJECTS) == ["/networks/lab/net1/"]


def test_the_entry_of_a_deleted_object_stays_without_links(page, network):
    conclude(network)
    network.delete()
    assert links(page, OBJECTS) == []
    assert rows(page, OBJECTS) == ["mira worker | net1 on lab | stopped network | done"]


def test_a_link_follows_a_renamed_object_while_the_entry_keeps_the_name(page, network):
    Network.objects.update(name="net2")
    assert links(page, OBJECTS)[0] == "/networks/lab/net2/"
    assert "net1 on lab" in rows(page, OBJECTS)[0]


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ("?user=mira&kind=network", ["stopped"]),
        ("?user=otto", ["memory and vCPUs edited"]),
        ("?user=-", ["started"]),
        ("?kind=VM", ["started", "memory and vCPUs edited"]),
        ("?object=net1", ["stopped"]),
        ("?event=stopped", ["stopped"]),
        ("?event=stopped&kind=VM", []),
        ("?hypervisor=lab&result=in-progress", ["started", "memory and vCPUs edited", "stopped"]),
        ("?hypervisor=elsewhere", []),
        ("?via=admin", []),
        ("?q=ALMA", ["started", "memory and vCPUs edited"]),
        ("?hypervisor=lab&until=2020-01-01T00:00", []),
        ("?hypervisor=lab&since=2020-01-01T00:00&q=net", ["stopped"]),
        ("?hypervisor=lab&since=not-a-time&q=net", ["stopped"]),
        ("?q=100%25", []),
    ],
)
def test_filters_narrow_the_list_and_both_files_alike(page, network, vm, query, events):
    assert [row.split(" | ")[2].rsplit(" ", 1)[0] for row in rows(page, query)] == events
    assert [row.split(" | ")[2].rsplit(" ", 1)[0] for row in rows(page, query, HX_Request="true")] == events
    assert [each["change"] for each in page.get(f"/activity.json{query}").json()] == events
    table = csv.DictReader(io.StringIO(page.get(f"/activity.csv{query}").content.decode()))
    assert [each["change"] for each in table] == events


def test_chips_offer_the_values_that_entries_have(page, network, vm):
    answer = html.fromstring(page.get("/activity/?user=otto").content)
    offered = {
        " ".join(each.text_content().split()) for each in answer.xpath("//details[contains(@class, 'chips')]//a")
    }
    assert "memory and vCPUs edited" not in offered  # the only one of this user
    offered = html.fromstring(page.get("/activity/").content).xpath("//details[contains(@class, 'chips')]//a/text()")
    assert {"mira", "otto", "none", "VM", "network", "stopped", "started", "in progress"} <= set(offered)


def test_the_file_names_the_object_and_its_revision_by_id(page, network):
    (entry,) = page.get("/activity.json?kind=network").json()
    assert (entry["user"], entry["event"], entry["object"], entry["hypervisor"]) == ("mira", "stopped", "net1", "lab")
    assert (entry["object_id"], entry["revision"]) == (network.pk, network.revisions.first().pk)
    assert entry["result"] == "in-progress"
    accepted = page.get("/activity/?kind=network", headers={"Accept": "application/json"})
    assert json.loads(accepted.content) == [entry]


def test_members_see_changes_of_objects_but_neither_sign_ins_of_others_nor_addresses(client, member, user, network, vm):
    client.force_login(user)
    client.post("/networks/lab/net1/retry/", REMOTE_ADDR="192.0.2.9")
    assert "192.0.2.9" in client.get("/activity/").content.decode()
    client.force_login(member)
    seen = [client.get(f"/activity{end}").content.decode() for end in ("/", ".csv", ".json")]
    for text in seen:
        assert "net1" in text
        assert "192.0.2.9" not in text
    assert [row for row in rows(client) if "sign-in" in row] == ["otto |  | signed in sign-in | done"]


def test_the_history_of_an_object_links_to_all_its_activity(page, network, vm):
    network.remove()
    (link,) = html.fromstring(page.get("/networks/lab/net1/history/").content).xpath("//a[text()='All activity']/@href")
    assert [row.split(" | ")[2] for row in rows(page, link.removeprefix("/activity/"))] == [
        "deletion requested network",
        "stopped network",
    ]


def test_the_overview_lists_changes_of_objects_and_no_sign_ins(page, network):
    text = page.get("/").content.decode()
    assert "stopped" in text
    assert "signed in" not in text


def test_hostile_names_are_shown_as_text(page, lab):
    name = "<script>alert(1)</script>"
    Entry.objects.record(Subject(kind=Kind.SIGN_IN), "sign-in failed", {"name": name}, result="failed")
    content = page.get("/activity/").content.decode()
    assert name not in content
    assert "&lt;script&gt;" in content


def test_the_page_costs_the_same_few_queries_for_many_entries(page, lab, network, vm):
    def costs() -> tuple[int, int]:
        return queries_of(page, "/activity/"), queries_of(page, "/activity/", {"HX-Request": "true"})

    few = costs()
    for number in range(60):
        make_vm(lab, f"vm-{number + 20}", number + 20).ask_power("start")
    assert costs() == few
    assert max(few) <= 12


def test_old_entries_are_on_further_pages(page, lab):
    for number in range(45):
        Entry.objects.record(Subject(kind=Kind.VM, name=f"vm-{number}"), "started", result="done")
    Entry._base_manager.filter(name="vm-0").update(at=timezone.now() - timedelta(days=1))
    assert len(rows(page, "?kind=VM")) == 40
    assert "vm-0" in rows(page, "?kind=VM&page=2")[-1]
