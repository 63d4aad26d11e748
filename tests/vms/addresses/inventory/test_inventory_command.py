"""The command and the pages that print the inventory."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management.base import CommandError

from tests.support.making import make_hypervisor, make_lease, make_running, make_vm
from tests.vms.addresses.inventory.inventory_of_vms import hosts, inventory, run
from vms.addresses.inventory import visible_to
from vms.models import VM


def test_the_command_prints_a_list_by_default(lab, vm):
    assert json.loads(run()) == json.loads(run("--list")) == inventory()
    assert json.loads(run("--host", "alma-8-8")) == hosts()["alma-8-8"]
    assert json.loads(run("--host", "none")) == {}
    assert run("--ssh-config").startswith("Host alma-8-8\n")
    assert run("--known-hosts") == "alma-8-8 ssh-rsa AAAA\n"


def test_the_command_for_one_hypervisor_keeps_the_names(lab, vm):
    make_vm(make_hypervisor("lab-2"))
    assert json.loads(run("--hypervisor", "lab-2"))["_meta"]["hostvars"].keys() == {"alma-8-8.lab-2"}
    with pytest.raises(CommandError, match="there is no hypervisor none"):
        run("--hypervisor", "none")


def test_every_user_sees_all_vms_and_nothing_is_shown_without_login(lab, vm, user):
    assert list(visible_to(user)) == [vm]
    assert list(visible_to(AnonymousUser())) == list(visible_to(None)) == []
    assert run("--user", "mira", "--known-hosts")
    user.is_active = False
    user.save()
    assert list(visible_to(user)) == []
    assert run("--user", "mira", "--known-hosts") == ""
    with pytest.raises(CommandError, match="there is no user nobody"):
        run("--user", "nobody")


def test_an_inventory_needs_the_same_number_of_queries_for_many_vms(lab, django_assert_num_queries):
    default = lab.networks.get(name="default")
    for number in range(2, 22):
        mac = f"52:54:00:00:00:{number:02x}"
        make_running(make_vm(lab, f"vm-{number}", number), ("default", mac, f"vnet{number}"))
        make_lease(default, mac, f"192.168.122.{number}")
    with django_assert_num_queries(5):
        assert len(inventory()["default"]["hosts"]) == 20


def test_the_pages_return_the_output_of_the_command(page, lab, vm):
    answer = page.get("/inventory.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == json.loads(run())
    for path, flag in (("/ssh-config", "--ssh-config"), ("/known_hosts", "--known-hosts")):
        answer = page.get(path)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.content.decode() == run(flag)
        assert page.post(path).status_code == 405


def test_the_private_host_key_is_never_included(page, lab, vm):
    VM.objects.update(host_key="BEGIN OPENSSH PRIVATE KEY")
    for path in ("/inventory.json", "/ssh-config", "/known_hosts"):
        assert "PRIVATE" not in page.get(path).content.decode()
