"""A refused form lists its errors at the top: the list has the focus and leads to the fields, which refer to theirs."""

import pytest
from django.test import Client
from lxml import html

from tests.support.making import make_disks, make_hypervisor, make_image, make_network, make_running, make_vm

NETWORK, VM = "/networks/lab-1/net1/", "/vms/lab-1/alma-8-8/"
SUMMARY = "//*[@role='alert'][@tabindex='-1'][@autofocus]"
MAC = "52:54:00:00:00:08"
REFUSED = {  # by URL: what is sent, and the fields that have errors
    "/networks/add/": (
        {"name": "a/b", "ipv4": "10", "mtu": "9", "forwarders": "a b c\nd e f"},
        {"name", "ipv4", "mtu", "forwarders"},
    ),
    f"{NETWORK}edit/": ({"name": "net1", "bridge": "a b", "boot_server": "a b"}, {"bridge", "boot_server"}),
    f"{NETWORK}hosts/add/": ({"mac": "x", "ip": "y", "lease": "z"}, {"mac", "ip", "lease"}),
    f"{NETWORK}hosts/paste/": ({"text": ""}, {"text"}),
    f"{NETWORK}xml/": ({"document": "no XML"}, {"document"}),
    f"{NETWORK}tags/": ({"tags": "a b/"}, {"tags"}),
    "/vms/run/": (
        {"memory": "0", "nic_network": "", "nic_metric": "x", "disk_size": "1X"},
        {"image", "memory", "nic-0-metric", "disk-0-size"},
    ),
    "/vms/templates/add/": ({"template": "", "nic_mac": "x"}, {"template", "nic-0-mac"}),
    f"{VM}nics/add/": ({"mtu": "9", "metric": "x"}, {"mtu", "metric"}),
    f"{VM}disks/add/": ({"name": "a/b", "size": "1X"}, {"disk-0-name", "disk-0-size"}),
    f"{VM}disks/vdb/remove/": ({"delete": "yes", "target": "vda"}, {"target"}),
    f"{VM}remove/": ({"name": "alma-8"}, {"name"}),
    f"{VM}size/": ({"memory": "0"}, {"memory"}),
    f"{VM}snapshots/take/": ({"name": "a/b"}, {"name"}),
    "/images/": ({"name": "a/b", "url": "x"}, {"name"}),
    "/profile/": ({"time_zone": "Nowhere"}, {"time_zone"}),
    "/profile/tokens/": ({"name": "", "verbs": ["fly"]}, {"name", "verbs"}),
    "/profile/password/": ({"oldpassword": "x"}, {"oldpassword"}),
}


@pytest.fixture
def everything(db, enqueued):
    lab = make_hypervisor()
    make_network(lab, "default", "192.168.122.1/24")
    make_network(lab)
    make_image(lab)
    vm = make_vm(lab)
    make_disks(vm)
    make_running(vm, ("default", MAC, "vnet0"))
    return lab


@pytest.mark.parametrize("url", REFUSED)
def test_the_errors_are_listed_with_links_to_their_fields(page: Client, everything, url: str):
    sent, fields = REFUSED[url]
    answer = page.post(url, {"hypervisor": everything.pk, **sent})
    assert answer.status_code == 422
    shown = html.fromstring(answer.content)
    (summary,) = shown.xpath(f"//main//form{SUMMARY}")
    links = [link.removeprefix("#") for link in summary.xpath(".//li/a/@href")]
    for field in fields:
        control_id = field if "-" in field else f"id_{field}"
        assert any(link.startswith(control_id) for link in links), (field, links)
        (control,) = shown.xpath(f"//main//form//*[@id='{control_id}']")
        described = control.xpath("ancestor-or-self::*/@aria-describedby")[-1]
        assert all(shown.xpath(f"//*[@id='{each}']") for each in described.split()), described
        assert control.get("aria-invalid") == "true" or control.xpath("ancestor::*[@role='group']")
    assert int(summary.xpath("string(h2)").split()[0]) == len(summary.xpath(".//li"))
    assert all(shown.xpath(f"//*[@id='{link}']") for link in links), links
    assert not shown.xpath("//details[not(@open)][.//*[@aria-invalid]]")
    ids = shown.xpath("//@id")
    assert sorted(ids) == sorted(set(ids))


def test_an_error_of_the_whole_form_is_a_text_without_a_heading(client: Client, db):
    answer = client.post("/login/", {"username": "nobody", "password": "wrong"})
    (summary,) = html.fromstring(answer.content).xpath(f"//form{SUMMARY}")
    assert not summary.xpath("h2|.//a")
    assert "username and password" in summary.text_content()


def test_a_form_that_is_opened_has_no_list(page: Client, everything):
    assert b'class="note failed errors"' not in page.get("/networks/add/").content


def test_a_deletion_that_is_confirmed_again_says_why_with_the_focus(page: Client, everything):
    answer = page.post(f"{VM}remove/", {"name": "alma-8-8", "seen": "before"})
    assert answer.status_code == 409
    (note,) = html.fromstring(answer.content).xpath(SUMMARY)
    assert "Not deleted" in note.text_content()
