"""Commands for drift, adoption, and starting and stopping of networks."""

import json

import pytest
from django.core.management.base import CommandError

from networks.models import Network
from tests.project.commands.running_commands import again, lines, run
from tests.support.making import make_foreign_network, make_network


def test_network_plan_prints_what_would_put_ours_back_and_apply_does_it(drifted):
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
    assert (again(drifted).state, again(drifted).exact, len(again(drifted).accepted)) == ("pending", True, 3)


def test_network_take_lets_the_wish_follow(drifted):
    run("network", "take", "net1", "--no-wait")
    assert (again(drifted).spec.dhcp, again(drifted).autostart) == ("10.1.0.2-10.1.0.99", False)
    assert lines(run("network", "plan", "net1")) == ["Nothing to do."]


def test_what_libvirt_does_not_have_cannot_be_taken(made):
    made.status.write(present=False)
    with pytest.raises(CommandError, match="libvirt has no net1"):
        run("network", "take", "net1")


def test_networks_are_adopted_and_released(lab, pokes):
    run("network", "adopt", "default", "--no-wait")
    network = Network.objects.shown().get(name="default")
    assert (network.managed, network.plan()) == (True, ())
    generation = network.generation
    run("network", "adopt", "default", "--no-wait")
    assert again(network).generation == generation
    run("network", "release", "default", "--no-wait")
    assert again(network).state == "unmanaged"


def test_network_import_adopts_all_that_others_made(lab):
    make_foreign_network(lab, "<network><name>bare</name><uuid>{uuid}</uuid></network>")
    make_foreign_network(lab, "<network><name>gone</name><uuid>{uuid}</uuid></network>", present=False)
    assert lines(run("network", "import", "--no-wait")) == ["bare", "default"]
    assert list(Network.objects.filter(managed=True).values_list("name", flat=True)) == ["bare", "default"]
    assert run("network", "import", "--no-wait") == ""


def test_a_name_clash_is_said_when_adopting(lab):
    make_network(lab, "bare", "")
    foreign = make_foreign_network(lab, "<network><name>bare</name><uuid>{uuid}</uuid></network>")
    with pytest.raises(CommandError, match="The portal already manages another network bare on lab-1"):
        run("network", "import", "--no-wait")
    assert again(foreign).managed is False
    assert Network.objects.get(name="default").managed  # the others are adopted all the same


def test_networks_are_stopped_and_started(made):
    with pytest.raises(CommandError, match="say --yes"):
        run("network", "stop", "net1")
    run("network", "stop", "net1", "--yes", "--no-wait")
    assert again(made).active is False
    assert again(made).revisions.first().what == "stopped"
    made.status.write(active=False, generation=again(made).generation)
    run("network", "start", "net1", "--no-wait")
    assert again(made).active is True
    assert again(made).revisions.first().what == "started"


def test_one_that_others_stopped_is_started(made):
    made.status.write(active=False, drift="is not active")
    run("network", "start", "net1", "--no-wait")
    assert again(made).state == "pending"


def test_one_that_runs_already_is_left_alone(made):
    run("network", "start", "net1", "--no-wait")
    assert again(made).generation == made.generation
