"""Commands for drift, adoption, and starting and stopping of networks."""

import json

import pytest
from django.core.management.base import CommandError

from networks.models import Network
from tests.project.commands.running_commands import again, lines, run
from tests.support.making import make_foreign_network, make_network

pytestmark = pytest.mark.integration


def test_network_plan_prints_the_steps_of_a_revert_and_apply_carries_them_out(drifted):
    assert lines(run("network", "plan", "net1")) == [
        "Disruption  Step                                                  VMs",
        "none        Delete DHCP range of 10.1.0.1/24: 10.1.0.2-10.1.0.99",
        "none        Add DHCP range of 10.1.0.1/24: 10.1.0.2-10.1.0.254",
        "none        Set net1 to start with the host",
    ]
    assert [step["step"] for step in json.loads(run("network", "plan", "net1", "--json"))] == [
        *("update", "update", "autostart"),
    ]
    assert again(drifted).generation == drifted.generation
    run("network", "apply", "net1", "--no-wait")
    assert (again(drifted).state, again(drifted).overwrite, len(again(drifted).accepted)) == ("pending", True, 3)


def test_network_accept_changes_the_saved_definition(drifted):
    run("network", "take", "net1", "--no-wait")
    assert (again(drifted).spec.dhcp, again(drifted).autostart) == ("10.1.0.2-10.1.0.99", False)
    assert lines(run("network", "plan", "net1")) == ["Nothing to do."]


def test_a_network_that_libvirt_does_not_have_cannot_be_accepted(made):
    made.status.write(present=False)
    with pytest.raises(CommandError, match="libvirt has no net1"):
        run("network", "take", "net1")


def test_networks_are_adopted_and_released(lab, enqueued):
    run("network", "adopt", "default", "--no-wait")
    network = Network.objects.shown().get(name="default")
    assert (network.managed, network.plan()) == (True, ())
    generation = network.generation
    run("network", "adopt", "default", "--no-wait")
    assert again(network).generation == generation
    run("network", "release", "default", "--no-wait")
    assert again(network).state == "unmanaged"


def test_network_import_adopts_all_unmanaged_networks(lab):
    make_foreign_network(lab, "<network><name>bare</name><uuid>{uuid}</uuid></network>")
    make_foreign_network(lab, "<network><name>gone</name><uuid>{uuid}</uuid></network>", present=False)
    assert lines(run("network", "import", "--no-wait")) == ["bare", "default"]
    assert list(Network.objects.filter(managed=True).values_list("name", flat=True)) == ["bare", "default"]
    assert run("network", "import", "--no-wait") == ""


def test_adopting_a_network_whose_name_is_taken_is_refused(lab):
    make_network(lab, "bare", "")
    foreign = make_foreign_network(lab, "<network><name>bare</name><uuid>{uuid}</uuid></network>")
    with pytest.raises(CommandError, match="The portal already manages another network bare on lab-1"):
        run("network", "import", "--no-wait")
    assert again(foreign).managed is False
    assert Network.objects.get(name="default").managed  # the others are adopted all the same


def test_networks_are_stopped_and_started(made):
    with pytest.raises(CommandError, match="confirm it with --yes"):
        run("network", "stop", "net1")
    run("network", "stop", "net1", "--yes", "--no-wait")
    assert again(made).active is False
    assert again(made).revisions.first().what == "stopped"
    made.status.write(active=False, generation=again(made).generation)
    run("network", "start", "net1", "--no-wait")
    assert again(made).active is True
    assert again(made).revisions.first().what == "started"


def test_a_network_that_was_stopped_outside_the_portal_is_started(made):
    made.status.write(active=False, drift="is not active")
    run("network", "start", "net1", "--no-wait")
    assert again(made).state == "pending"


def test_a_network_that_already_runs_is_not_changed(made):
    run("network", "start", "net1", "--no-wait")
    assert again(made).generation == made.generation
