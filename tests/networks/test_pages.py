"""The pages of networks: desired and observed values, and the confirmation of deletion."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from networks.models import Network
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from tests.support.shown import as_shown
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message

TWO_BLOCKS = """<network><name>two</name><uuid>{uuid}</uuid><forward mode='route'/><bridge name='virbr7'/>
<ip address='10.1.0.1' prefix='24'><dhcp><range start='10.1.0.2' end='10.1.0.9'/>
<range start='10.1.0.20' end='10.1.0.29'/></dhcp></ip>
<ip family='ipv6' address='fd00:1::1' prefix='64'>
<dhcp><range start='fd00:1::2' end='fd00:1::ff'/></dhcp></ip></network>"""
BARE = "<network><name>bare</name><uuid>{uuid}</uuid></network>"


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


def table(answer) -> list[list[str]]:
    """The only table of a page, headings first, without the menus at the ends of rows."""
    from lxml import html

    (found,) = html.fromstring(answer.content).xpath("//table")
    rows = [*found.xpath("./thead/tr"), *found.xpath("./tbody/tr")]
    shown = slice(None, -1 if found.xpath(".//details[@class='menu']") else None)
    return [[" ".join(cell.text_content().split()) for cell in row[shown]] for row in rows]


def test_the_list_has_virters_columns_and_everything_that_libvirt_has(page, lab):
    make_foreign_network(lab)
    make_foreign_network(lab, TWO_BLOCKS)
    make_foreign_network(lab, BARE, active=False)
    make_network(lab)
    assert table(page.get("/networks/")) == [
        ["Name", "Forward-Type", "IP-Range", "Domain", "DHCP", "Bridge", "State", "Traffic"],
        ["bare", "", "", "", "", "", "unmanaged, inactive", ""],
        [
            *("default virter default", "nat", "192.168.122.1/24", "test"),
            *("192.168.122.2-192.168.122.254", "virbr0", "unmanaged", ""),
        ],
        ["net1", "", "10.255.0.1/24", "", "10.255.0.2-10.255.0.254", "", "pending", ""],
        [
            *("two", "route", "10.1.0.1/24,fd00:1::1/64", ""),
            *("10.1.0.2-10.1.0.9,10.1.0.20-10.1.0.29,fd00:1::2-fd00:1::ff", "virbr7", "unmanaged", ""),
        ],
    ]


def test_the_hypervisor_is_named_once_there_is_more_than_one(page, lab):
    make_network(lab)
    make_network(make_hypervisor("lab-2"), "net2")
    rows = table(page.get("/networks/"))
    assert [row[-2:] for row in rows] == [["Hypervisor", "Traffic"], ["lab-1", ""], ["lab-2", ""]]
    assert [row[0] for row in table(page.get("/networks/?hypervisor=lab-2"))] == ["Name", "net2"]


def test_the_url_sorts_and_filters(page, lab):
    make_network(lab, "a", "10.3.0.1/24")
    make_network(lab, "b", "10.2.0.1/24", spec={"domain": "deep.test"})
    assert [row[0] for row in table(page.get("/networks/?sort=range"))] == ["Name", "b", "a"]
    assert [row[0] for row in table(page.get("/networks/?sort=-name"))] == ["Name", "b", "a"]
    assert [row[0] for row in table(page.get("/networks/?q=deep"))] == ["Name", "b"]
    answer = page.get("/networks/?sort=name&q=e")
    assert 'aria-sort="ascending"' in answer.content.decode()
    assert "?sort=-name&amp;q=e" in answer.content.decode()


def test_an_empty_list_offers_the_first_step(page, lab):
    assert "Add the first network" in page.get("/networks/").content.decode()
    assert "No network matches “nine”" in page.get("/networks/?q=nine").content.decode()


def test_htmx_gets_only_the_list(page, lab):
    answer = page.get("/networks/", headers={"HX-Request": "true"}).content.decode()
    assert answer.startswith('<div id="networks"')


def test_a_page_shows_all_leases_and_who_is_attached(page, lab):
    network = make_foreign_network(lab)
    mac = "52:54:00:00:00:08"
    make_lease(network, mac, "192.168.122.8", "alma-8-8")
    make_lease(network, mac, "fd00::8", "alma-8-8")
    make_running(make_vm(lab), ("default", mac, "vnet1"))
    make_running(make_vm(lab, "stranger", None, managed=False), ("default", "52:54:00:aa:00:01", "vnet2"))
    leases = table(page.get("/networks/lab-1/default/leases/"))
    assert leases[0][:4] == ["IP", "MAC", "Hostname", "VM"]
    assert [row[:4] for row in leases[1:]] == [
        ["192.168.122.8", mac, "alma-8-8", "alma-8-8"],
        ["fd00::8", mac, "alma-8-8", "alma-8-8"],
    ]
    assert table(page.get("/networks/lab-1/default/attached/")) == [
        ["VM", "MAC", "IP", "Hostname", "Host Device", "Traffic"],
        ["alma-8-8", mac, "192.168.122.8 fd00::8", "alma-8-8", "vnet1", ""],
        ["stranger unmanaged", "52:54:00:aa:00:01", "waiting for a lease", "", "vnet2", ""],
    ]


def test_a_failure_is_shown_in_one_sentence_above_libvirts_message(page, lab):
    network = make_network(lab)
    network.status.write(
        generation=1, error=Message.external("Could not start it: its block is taken"), detail="internal error: <x>"
    )
    shown = page.get(network.get_absolute_url()).content.decode()
    assert "<strong>Could not start it: its block is taken</strong>" in shown
    assert "<code>internal error: &lt;x&gt;</code>" in shown
    assert "Try again" in shown


def test_drift_is_named_and_only_what_failed_is_tried_again(page, lab, enqueued, django_capture_on_commit_callbacks):
    network = make_network(lab)
    network.status.write(generation=1, drift="is not active\ndoes not start with the host", present=True)
    assert network.state == "drifted"
    shown = page.get(network.get_absolute_url()).content.decode()
    assert "<li>is not active</li>" in shown
    answer = page.post(f"{network.get_absolute_url()}retry/", follow=True)
    assert "there is nothing to retry" in answer.content.decode()
    network.status.write(error=Message.external("Could not start net1"))
    with django_capture_on_commit_callbacks(execute=True):
        page.post(f"{network.get_absolute_url()}retry/")
    assert Network.objects.get(pk=network.pk).state == "pending"
    assert enqueued == [("networks.tasks.push", network.pk)]


def test_deletion_lists_the_effects_and_needs_no_confirmation_if_no_vm_is_disconnected(page, lab, enqueued):
    network = make_network(lab)
    assert "No VM is attached to it" in page.get(f"{network.get_absolute_url()}remove/").content.decode()
    assert page.post(f"{network.get_absolute_url()}remove/").url == "/networks/"
    assert Network.objects.get(pk=network.pk).state == "removing"


def test_running_vms_are_not_disconnected_without_confirmation(page, lab):
    network = make_network(lab)
    make_running(make_vm(lab), ("net1", "52:54:00:80:00:01", "vnet1"))
    path = f"{network.get_absolute_url()}remove/"
    refused = page.post(path)
    assert refused.status_code == 409
    assert "disconnects the running VM alma-8-8" in refused.content.decode()
    assert Network.objects.get(pk=network.pk).removed_at is None
    page.post(path, {"disconnect": "yes", "vm": "alma-8-8"})
    assert Network.objects.get(pk=network.pk).allow_disconnect == ["alma-8-8"]


def test_a_stale_removal_page_removes_nothing(page, lab):
    """A VM has joined, or the network was recreated, since the page was opened."""
    network = make_network(lab)
    make_running(make_vm(lab), ("net1", "52:54:00:80:00:01", "vnet1"))
    path = f"{network.get_absolute_url()}remove/"
    shown = as_shown(page.get(path)) | {"disconnect": "yes"}
    assert shown["vm"] == ["alma-8-8"]
    make_running(make_vm(lab, "web", 9), ("net1", "52:54:00:80:00:02", "vnet2"))
    assert page.post(path, shown).status_code == 409
    assert Network.objects.get(pk=network.pk).removed_at is None
    shown = as_shown(page.get(path)) | {"disconnect": "yes"}
    Network.objects.filter(pk=network.pk).update(uuid=uuid4())
    refused = page.post(path, shown)
    assert refused.status_code == 409
    assert "was recreated since you opened this page" in refused.content.decode()
    assert Network.objects.get(pk=network.pk).removed_at is None
    assert page.post(path, as_shown(refused) | {"disconnect": "yes"}).url == "/networks/"
    assert Network.objects.get(pk=network.pk).allow_disconnect == ["alma-8-8", "web"]


@pytest.mark.parametrize("path", ["/networks/", "/networks/add/", "/networks/lab-1/net1/", "/vms/", "/images/"])
def test_every_page_needs_a_login(client, db, path):
    assert client.get(path).url == f"/login/?next={path}"


@pytest.mark.parametrize("path", ["/networks/lab-1/none/", "/networks/none/net1/", "/networks/lab-1/none/attached/"])
def test_a_missing_page_is_not_found(page, lab, path):
    assert page.get(path).status_code == 404


def test_every_page_reports_an_unreachable_hypervisor(member_page, lab):
    lab.status.error, lab.status.detail = Message("hypervisor.silent"), "no answer from test:///default within 5 s"
    lab.status.unreachable_since = timezone.now()
    lab.status.save()
    shown = member_page.get("/vms/").content.decode()
    assert "lab-1 is unreachable since" in shown
    assert "libvirt does not answer" in shown
    assert "test:///default" not in shown, "its URI is for operators"
    assert "libvirt does not answer" in member_page.get("/trouble/").content.decode()


def test_a_failing_hypervisor_is_reported_on_its_pages_and_named_on_others(page, lab):
    other = make_hypervisor("lab-2")
    make_foreign_network(lab)
    make_foreign_network(other)
    other.status.error, other.status.unreachable_since = Message("hypervisor.silent"), timezone.now()
    other.status.save()
    said = "lab-2 is unreachable"
    assert said in page.get("/networks/lab-2/default/").content.decode()
    assert said in page.get("/networks/?hypervisor=lab-2").content.decode()
    assert said in page.get("/").content.decode()
    assert "not up to date" not in page.get("/networks/lab-1/default/").content.decode()
    assert "1 hypervisor is not up to date: lab-2." in page.get("/networks/").content.decode()


def test_a_stopped_worker_is_reported_once_and_no_value_is_shown_as_current(page, lab):
    other = make_hypervisor("lab-2")
    make_foreign_network(lab)
    long_ago = timezone.now() - timedelta(minutes=3)
    HypervisorStatus.objects.filter(hypervisor__in=[lab, other]).update(observed_at=long_ago)
    for path in ("/", "/networks/", "/networks/lab-1/default/"):
        shown = page.get(path).content.decode()
        assert shown.count("The worker has not run since") == 1
        assert "updated just now" not in shown
    assert "updated 3 min ago" in page.get("/networks/lab-1/default/").content.decode()


def test_without_any_hypervisor_the_pages_say_how_to_get_one(client, operator):
    client.force_login(operator)
    shown = client.get("/networks/").content.decode()
    assert "There is no hypervisor yet" in shown
    assert "/admin/hypervisors/hypervisor/add/" in shown


def test_a_foreign_network_that_was_only_just_found_breaks_no_page(page, lab):
    Network.objects.create(hypervisor=lab, name="fresh", managed=False, generation=0)
    assert [row[0] for row in table(page.get("/networks/"))] == ["Name", "fresh"]
    assert page.get("/networks/lab-1/fresh/").status_code == 200


def test_a_network_is_copied_as_a_command_a_script_and_a_resource(page, lab):
    make_foreign_network(lab)
    shown = page.get("/networks/lab-1/default/copies/").content.decode()
    assert "virter network add default --forward-mode nat" in shown
    assert "net-define" in shown
    assert "resource &quot;libvirt_network&quot;" in shown


def test_users_who_may_change_a_network_can_release_it_and_set_its_drift_policy(page, lab):
    network = make_network(lab)
    network.status.write(present=True, made_at=timezone.now(), generation=network.generation)
    shown = page.get("/networks/lab-1/net1/").content.decode()
    assert "/networks/lab-1/net1/release/" in shown
    assert 'name="on_drift"' in shown
