"""Pages show ends where there are some, and nothing of them elsewhere."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from networks.models import Network
from tests.people.ends.conftest import pass_time, work
from tests.support.making import everyone, make_hypervisor, make_network, make_vm
from vms.models import VM

pytestmark = pytest.mark.integration
ENDS = re.compile(r"[^\n]{0,40}\b(?:end date|ends|extend)\b[^\n]{0,40}", re.IGNORECASE)


def test_without_a_default_and_an_end_no_page_says_anything_of_ends(page, lab):
    make_vm(lab, "vm-1", team=everyone())
    make_network(lab, "net1", team=everyone())
    for path in ("/", "/vms/", "/networks/", "/vms/lab/vm-1/", "/networks/lab/net1/", "/networks/add/"):
        assert ENDS.findall(page.get(path).content.decode().replace("extends", "")) == [], path


def test_the_lists_have_a_column_that_sorts_and_a_chip(browse, vm, network, lab, red, users):
    make_vm(lab, "vm-2", 9, team=red, owner=users["otto"])
    VM.objects.filter(name="vm-1").update(ends_at=timezone.now() + timedelta(days=2))
    for path in ("/vms/", "/networks/"):
        page = browse("otto").get(path).content.decode()
        assert "sort=ends" in page
        assert "in 14 days" in page
        assert '<option value="extend">Extend</option>' in page
    soon = browse("otto").get("/vms/?ends=soon").content.decode()
    assert "vm-1" in soon
    assert "vm-2" not in soon
    first = browse("otto").get("/vms/?sort=ends").context["table"].rows
    assert [each.name for each in first] == ["vm-1", "vm-2"]
    assert [each.name for each in browse("otto").get("/vms/?sort=-ends").context["table"].rows] == ["vm-2", "vm-1"]


def test_the_page_of_an_object_counts_down_and_extends_with_one_click(browse, vm):
    page = browse("otto").get("/vms/lab/vm-1/").content.decode()
    assert "in 14 days" in page
    assert 'action="/vms/lab/vm-1/extend/"' in page
    assert "It is stopped on" not in page
    pass_time(12)
    assert "It is stopped on" in browse("otto").get("/vms/lab/vm-1/").content.decode()
    viewer = browse("rita").get("/vms/lab/vm-1/").content.decode()
    assert "in 2 days" in viewer
    assert "/extend/" not in viewer


def test_the_overview_lists_what_of_mine_ends_soon(browse, vm, network, users):
    assert "<h2>End dates</h2>" not in browse("otto").get("/").content.decode()
    pass_time(12)
    Network.objects.update(owner=None)
    mine = browse("otto").get("/").content.decode()
    assert "<h2>End dates</h2>" in mine
    assert 'action="/vms/lab/vm-1/extend/"' in mine
    assert "net1/extend/" not in mine
    managed = browse("mona").get("/").content.decode()
    assert "/networks/lab/net1/extend/" in managed
    assert "vm-1/extend/" not in managed
    assert "<h2>End dates</h2>" not in browse("rita").get("/").content.decode()
    answer = browse("otto").post("/vms/lab/vm-1/extend/", {"back": "overview"})
    assert answer.url == "/"


def test_the_overview_says_when_what_has_ended_is_deleted(browse, vm):
    pass_time(15)
    work(vm)
    page = browse("otto").get("/").content.decode()
    assert f"deleted on {timezone.localtime(VM.objects.get().deleted_from):%Y-%m-%d %H:%M}" in page


def test_what_a_user_may_not_see_is_not_counted(browse, vm, users):
    elsewhere = make_hypervisor("third")
    make_vm(elsewhere, "secret-1", 9, owner=users["otto"], team=vm.team)
    pass_time(12)
    assert "secret-1" not in browse("otto").get("/").content.decode()


def test_the_inventory_of_ansible_has_the_end(browse, vm):
    found = browse("otto").get("/inventory.json").json()["_meta"]["hostvars"]["vm-1"]
    assert found["ends_at"] == vm.ends_at.isoformat(timespec="seconds")
