"""`manage.py hypervisor leftovers` lists what the page does."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from networks.models import DHCPHostStatus
from tests.support.making import make_foreign_network, make_hypervisor, make_vm, record_volume
from tests.support.teams import make_team
from virterweb.messages import Message
from virterweb.people.models import Team

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(db, enqueued):
    lab, other = make_hypervisor("lab"), make_hypervisor("other")
    make_vm(lab, "vm-1", None, owner=None).nics.all().delete()
    make_vm(other, "vm-2", None, owner=None)
    unused = make_foreign_network(lab)
    unused.status.write(active=False)  # its definition says that something is connected
    lab.access_network = "another"
    lab.save()
    DHCPHostStatus.objects.create(network=unused, mac="52:54:00:aa:00:01", ip="192.168.122.7")
    record_volume(lab, "old", path="/pool/old", capacity=1024**3, unused_since=timezone.now(), format="raw")
    lab.pools.create(name="ssd", active=True, problem=Message.external("odd"))
    return lab


def listed(capsys, *arguments: str) -> list[list[str]]:
    """Return the lines of the table by cells."""
    call_command("hypervisor", "leftovers", *arguments)
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in capsys.readouterr().out.splitlines()
    ]


def test_it_lists_the_leftovers_of_a_hypervisor(lab, capsys):
    assert listed(capsys, "lab") == [
        ["Type", "Name", "Hypervisor", "Reason"],
        ["VM", "vm-1", "lab", "no owner"],
        ["network", "default", "lab", "not used; no lease known"],
        ["DHCP reservation", "192.168.122.7 52:54:00:aa:00:01", "lab", "not used in default; no lease known"],
        ["volumes", "default", "lab", "1 not used, 1.0 GiB"],
        ["volumes", "ssd", "lab", "unknown: the pool could not be read"],
    ]


def test_without_a_name_it_lists_those_of_all_hypervisors(lab, capsys):
    assert ["VM", "vm-2", "other", "no owner"] in listed(capsys)


def test_it_says_that_there_are_none(db, enqueued, capsys):
    assert listed(capsys) == [["There are no leftovers."]]


def test_it_lists_only_what_the_user_may_see(lab, member, capsys):
    Team.objects.update(role_of_all=None)
    make_team("red", {member: "user"}, on=lab, others="")
    assert listed(capsys, "--user", "otto") == [["There are no leftovers."]]
    with pytest.raises(CommandError, match="there is no hypervisor other"):
        listed(capsys, "other", "--user", "otto")
