"""The overview: hypervisors, objects that need attention with the reason, and recent activity."""

import pytest
from django.db import OperationalError
from django.utils import timezone
from lxml import html

from networks.definition.events import Event
from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Network
from tests.support.making import (
    make_foreign_network,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from tests.support.shown import queries_of
from tests.support.teams import make_team
from virterweb.hypervisors.desired.revisions import conclude
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.hypervisors.models.hypervisor import HypervisorQuerySet
from virterweb.messages import Message
from virterweb.operations.disk import Disk
from virterweb.people.models import Team
from virterweb.portal import views
from vms.models import VM, NICStatus

HTMX = {"HX-Request": "true"}
NOTHING = "No problems: every change is carried out."


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    return make_hypervisor()


@pytest.fixture
def default(lab) -> Network:
    return make_foreign_network(lab)


def texts(answer, path: str) -> list[str]:
    assert answer.status_code == 200
    return [" ".join(found.text_content().split()) for found in html.fromstring(answer.content).xpath(path)]


def wrong(answer) -> list[str]:
    return texts(answer, "//ul[@class='problems']/li")


def latest(answer) -> list[str]:
    return texts(answer, "//*[not(@id='in-progress')]/ol[@class='steps']/li")


def done(desired: Network | VM, **values) -> None:
    """Record an attempt to apply an object, with its result."""
    desired.status.write(**{"generation": desired.generation, "present": True, **values})


def test_hypervisors_are_listed_with_their_state_and_how_many_vms_run(page, lab, default):
    HypervisorStatus.objects.update(version="11.3.0")
    make_running(make_vm(lab, "alma-8", 8))
    make_vm(lab, "alma-9", 9)
    make_running(make_vm(lab, "stranger", None, managed=False, generation=0))
    lost = {
        "error": Message.external("Connection refused"),
        "unreachable_since": timezone.now().replace(hour=10, minute=30),
    }
    HypervisorStatus.objects.filter(hypervisor=make_hypervisor("lab-2")).update(**lost)
    HypervisorStatus.objects.filter(hypervisor=make_hypervisor("lab-3")).update(observed_at=None)
    rows = html.fromstring(page.get("/").content).xpath("//table[@id='hypervisors']/tbody/tr")
    assert [[" ".join(cell.text_content().split()) for cell in row] for row in rows] == [
        ["lab-1", "updated just now", "2", "3", "11.3.0 KVM is tried when the first VM starts"],
        ["lab-2", "unreachable since 10:30", "0", "0", ""],
        ["lab-3", "not polled yet", "0", "0", ""],
    ]


def test_a_hypervisors_row_leads_to_its_networks_and_vms(page, default):
    links = html.fromstring(page.get("/").content).xpath("//table[@id='hypervisors']//a/@href")
    assert links == ["/networks/?hypervisor=lab-1", "/vms/?hypervisor=lab-1"]


def test_an_overview_without_problems_says_so(page, lab, default):
    make_running(make_vm(lab))
    make_network(lab)
    answer = page.get("/")
    assert NOTHING in answer.content.decode()
    assert wrong(answer) == []
    assert "No address problems." in page.get("/problems/").content.decode()


def test_an_empty_portal_has_an_overview(page, db):
    assert NOTHING in page.get("/").content.decode()


def test_failed_and_drifted_objects_are_listed_with_their_reason(page, lab):
    done(make_network(lab, "net1", "10.1.0.1/24"), error=Message.external("Could not start it: its bridge is taken"))
    done(make_network(lab, "net2", "10.2.0.1/24"), drift="is not active\ndoes not start with the host")
    done(make_network(lab, "net3", "10.3.0.1/24"))
    done(make_vm(lab, "alma-8", 8), error=Message.external("There is no image <x>"))
    done(make_vm(lab, "alma-9", 9), drift="has a NIC more")
    make_vm(lab, "alma-10", 10)
    answer = page.get("/")
    assert wrong(answer) == [
        "failed net1: Could not start it: its bridge is taken",
        "drifted net2: is not active does not start with the host",
        "failed alma-8: There is no image <x>",
        "drifted alma-9: has a NIC more",
    ]
    links = html.fromstring(answer.content).xpath("//ul[@class='problems']//a/@href")
    assert links == [
        *("/networks/lab-1/net1/", "/networks/lab-1/net2/"),
        *("/vms/lab-1/alma-8/", "/vms/lab-1/alma-9/"),
    ]


def test_problems_of_addresses_are_listed_of_all_hypervisors_the_worst_first(page, lab, default):
    second = make_foreign_network(make_hypervisor("lab-2"))
    make_lease(default, "52:54:00:cc:00:01", "192.168.122.99")
    for number in (8, 9):
        vm = make_vm(second.hypervisor, f"alma-{number}", number)
        make_running(vm, ("default", f"52:54:00:00:00:{number:02x}", f"vnet{number}"))
        vm.status.addresses.create(mac=f"52:54:00:00:00:{number:02x}", ip="192.168.122.8", source="agent")
    gone = {"kind": "network", "source": "net7", "mac": "52:54:00:00:00:77"}
    NICStatus.objects.create(vm=vm.status, position=1, **gone)
    answer = page.get("/problems/")
    assert [line.split(" 1")[0].split(" NIC")[0] for line in wrong(answer)] == [
        "one address, two machines",
        "refers to a missing object",
        "lease without a VM",
    ]
    links = html.fromstring(answer.content).xpath("//ul[@class='problems']//*[@href or @action]/@*")
    assert "/vms/lab-2/alma-9/" in links
    assert f"/networks/lab-1/default/leases/{default.leases.get().pk}/release/" in links


def test_an_overlapping_block_links_to_the_page_that_edits_it(page, lab, default):
    done(make_network(lab, "net1", "192.168.122.129/25"), ip_range="192.168.122.129/25")
    buttons = html.fromstring(page.get("/problems/").content).xpath("//ul[@class='problems']//a")
    assert {button.text: button.get("href") for button in buttons} == {
        "Show default": "/networks/lab-1/default/",
        "Edit net1": "/networks/lab-1/net1/edit/",
    }


def test_the_latest_changes_are_listed_with_their_authors_and_results(page, lab, user):
    network = make_network(lab)
    network.change(Event.CHANGED, user)
    network.note(Event.ADOPTED, result="done")
    conclude(network)
    network.note(Event.XML, user)
    conclude(network, Message.external("This libvirt refuses it"))
    answer = page.get("/")
    assert [line.split(" ")[0] for line in texts(answer, "//*[@id='in-progress']//li")] == []
    found = latest(answer)
    assert [line.split(":")[0] for line in found] == ["net1"] * 3
    assert found[0].startswith("net1: XML changed ")
    assert found[0].endswith("· mira · This libvirt refuses it")
    assert found[1].startswith("net1: adopted ")
    assert "mira" not in found[1]
    assert found[2].endswith("· mira")
    for number in range(20):
        network.note(Event.RESERVATIONS_PASTED, result="done", count=number)
    found = latest(page.get("/"))
    assert len(found) == 8
    assert "19 DHCP reservations pasted" in found[0]


def test_what_is_in_progress_has_a_panel_of_its_own_with_the_step(page, lab, user):
    network = make_network(lab)
    for number in range(10):
        network.note(Event.CHANGED, user)
        answer = page.get("/")
        assert len(running := texts(answer, "//*[@id='in-progress']//li")) == min(number + 1, 8)
    network.status.write(progress=Message.external("Starting it"))
    answer = page.get("/")
    assert running[0].startswith("net1: ")
    assert texts(answer, "//*[@id='in-progress']//li")[0].endswith("mira Starting it")
    assert texts(answer, "//*[@id='in-progress']//header/div/a[@href='/activity/?result=in-progress']") == ["Show all"]
    assert latest(answer) == []
    conclude(network)
    answer = page.get("/")
    assert texts(answer, "//*[@id='in-progress']") == []
    assert len(latest(answer)) == 8


def test_recent_activity_is_empty_without_changes(page, default):
    answer = page.get("/")
    assert latest(answer) == []
    assert '<ol class="steps">' not in answer.content.decode()


def test_pages_are_shown_while_nothing_can_be_written(page, lab, monkeypatch):
    def fail(*given: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(HypervisorQuerySet, "watch", fail)
    assert page.get("/").status_code == page.get("/networks/").status_code == 200


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (2 * 10**10, None),
        (10**10, "disk nearly full The disk of the portal's data folder is 90 % full, and 9.3"),
        (10**6, "disk full The disk of the portal's data folder is full. Changes cannot be saved until there is room"),
    ],
)
def test_a_disk_that_is_nearly_full_is_said_before_and_when_it_is_full(page, lab, monkeypatch, free, said):
    monkeypatch.setattr(views, "data_disk", lambda: Disk(total=10**11, free=free))
    found = wrong(page.get("/", headers=HTMX))
    assert len(found) == (said is not None)
    assert not said or found[0].startswith(said)


def steps(answer) -> list[str]:
    """Return the first steps: those that are done, the next one and the others, each with the link that does it."""
    marks = {"done": "+", "step": ">"}
    found = []
    for line in html.fromstring(answer.content).xpath("//*[@id='first-steps']//li"):
        mark = marks.get(line.get("class") or line.get("aria-current"), "")
        found.append(" ".join([mark, line.findtext(".//strong"), *line.xpath("./a/@href")]).strip())
    return found


def test_the_first_steps_are_ticked_until_the_first_vm_is_there(page, db, enqueued, user):
    rest = ["Add an image /images/", "Run a VM /vms/run/"]
    hypervisor = "> Add a hypervisor /admin/hypervisors/hypervisor/add/"
    assert steps(page.get("/")) == [hypervisor, "Add a network /networks/add/", *rest]
    lab = make_hypervisor()
    make_foreign_network(lab)
    make_running(make_vm(lab, "stranger", None, managed=False, generation=0))
    assert steps(page.get("/", headers=HTMX)) == ["> Add a network /networks/add/", *rest]
    network = make_network(lab)
    assert steps(page.get("/")) == ["+ Add a network", f"> {rest[0]}", rest[1]]
    make_image(lab)
    assert steps(page.get("/")) == ["+ Add a network", "+ Add an image", f"> {rest[1]}"]
    network.delete()
    assert steps(page.get("/")) == ["> Add a network /networks/add/", "+ Add an image", rest[1]]
    make_vm(lab, "alma-8", 8)
    assert steps(page.get("/")) == []


def test_only_users_who_may_create_see_the_first_steps_with_what_they_may_see(client, member, lab):
    Team.objects.update(role_of_all=None)
    make_network(lab)
    make_image(lab)
    client.force_login(member)
    assert steps(client.get("/")) == []
    mine = make_team("red", {member: "user"}, lab, others="")
    assert steps(client.get("/")) == ["> Add a network /networks/add/", "Add an image /images/", "Run a VM /vms/run/"]
    make_network(lab, "net2", "10.2.0.1/24", team=mine)
    assert steps(client.get("/"))[0] == "+ Add a network"


def test_htmx_gets_only_the_overview(page, default):
    answer = page.get("/", headers=HTMX).content.decode()
    assert answer.startswith('<div id="overview"')
    assert "<h1>" not in answer


def test_only_signed_in_users_can_see_it(client, lab):
    assert client.get("/")["Location"] == "/login/?next=/"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_overview_costs_the_same_queries_for_3_networks_and_for_30(page, lab, user, headers):
    def queries() -> int:
        return queries_of(page, "/", headers)

    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            network = make_network(lab, f"net{number}", f"10.0.{number}.1/24")
            network.change(Event.CHANGED, user)
            error = Message.external("No room") if number % 2 else ""
            done(network, ip_range=f"10.0.{number}.1/24", dhcp=f"10.0.{number}.2-10.0.{number}.3", error=error)
            vm = make_vm(lab, f"vm-{number}", number)
            make_running(vm, (network.name, f"52:54:00:00:00:{number:02x}", f"vnet{number}"))
            done(vm, drift="has a NIC more")
            vm.status.addresses.create(mac=f"52:54:00:00:00:{number:02x}", ip=f"10.0.{number}.9", source="agent")
            make_lease(network, "52:54:00:cc:00:01", f"10.0.{number}.9")
            DHCPHostStatus.of(network, HostSpec(mac="52:54:00:cc:00:01", ip=f"10.0.{number}.2")).save()

    grow(2, 5)
    few = queries()
    grow(5, 32)
    assert queries() == few
