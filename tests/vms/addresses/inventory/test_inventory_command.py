"""The command and the pages that print the inventory."""

import json

import pytest
from django.core.management.base import CommandError

from tests.support.making import everyone, make_hypervisor, make_lease, make_running, make_vm
from tests.support.teams import make_team
from tests.vms.addresses.inventory.inventory_of_vms import hosts, inventory, run
from virterweb.people.models import Grant
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


def test_a_user_gets_the_vms_that_the_user_may_see(lab, vm, member):
    make_vm(lab, "theirs", 9, team=make_team("red"))
    both = "alma-8-8 ssh-rsa AAAA\n"
    assert run("--user", "otto", "--known-hosts") == both
    Grant.objects.filter(team=everyone()).update(role=None)
    assert json.loads(run("--user", "otto"))["_meta"]["hostvars"].keys() == {"alma-8-8"}
    for nobody in ("nobody", "otto"):
        member.is_active = False
        member.save()
        with pytest.raises(CommandError, match=f"there is no active portal user {nobody}"):
            run("--user", nobody)


def test_an_inventory_needs_the_same_number_of_queries_for_many_vms(lab, django_assert_num_queries):
    default = lab.networks.get(name="default")
    for number in range(2, 22):
        mac = f"52:54:00:00:00:{number:02x}"
        make_running(make_vm(lab, f"vm-{number}", number), ("default", mac, f"vnet{number}"))
        make_lease(default, mac, f"192.168.122.{number}")
    with django_assert_num_queries(6):
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
