"""The user on whose behalf a command acts."""

import pytest
from django.core.management import CommandError

from networks.models import Network
from tests.people.rights.owned_objects import run
from vms.models import VM


def test_the_command_line_acts_as_operator_unless_a_user_is_named(lab, network, network_of_another, member):
    run("network", "start", "rich", "--no-wait")
    with pytest.raises(CommandError, match="You may not delete rich"):
        run("network", "rm", "rich", "--user", "otto", "--no-wait")
    with pytest.raises(CommandError, match="this portal does not manage it"):
        run("network", "rm", "default", "--user", "otto", "--no-wait")
    with pytest.raises(CommandError, match="Only operators"):
        run("network", "import", "--user", "otto", "--no-wait")
    with pytest.raises(CommandError, match="no active portal user nobody"):
        run("network", "ls", "--user", "nobody")
    run("network", "add", "mine", "--network-cidr", "10.5.0.1/24", "--user", "otto", "--no-wait")
    mine = Network.objects.get(name="mine")
    assert (mine.owner, mine.revisions.get().by) == (member, member)
    run("network", "rm", "mine", "--user", "otto", "--no-wait")
    assert Network.objects.get(name="mine").removed_at


def test_vm_run_takes_the_portal_user_and_the_user_of_the_guest(lab, member):
    words = ("vm", "run", "alma-8", "--id", "9", "--user", "root", "--as-user", "otto", "--no-wait")
    run(*words)
    assert (VM.objects.get().owner, VM.objects.get().ssh_user) == (member, "root")
    with pytest.raises(CommandError, match="Only operators may choose a folder"):
        run(*words[:4], "10", "--console", "/etc", "--as-user", "otto", "--no-wait")
