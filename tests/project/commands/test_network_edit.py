"""Commands that edit a network by flags or by its XML."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from networks.models import Network
from tests.project.commands.running_commands import again, lines, run

pytestmark = pytest.mark.integration


def test_network_edit_changes_what_the_flags_name_and_keeps_the_rest(made, enqueued):
    host = ("--host", "52:54:00:00:00:08 10.1.0.8 eight", "--host", "52:54:00:00:00:09 10.1.0.9")
    assert run("network", "edit", "net1", *host, "--no-wait") == ""
    run("network", "edit", "net1", "--title", "Lab", "--no-wait")
    spec = again(made).spec
    assert [str(each) for each in spec.hosts] == ["52:54:00:00:00:08 10.1.0.8 eight", "52:54:00:00:00:09 10.1.0.9"]
    assert (spec.title, spec.dhcp, spec.bridge) == ("Lab", made.spec.dhcp, "virbr1")
    run("network", "edit", "net1", "--host", "", "--no-wait")
    assert (again(made).spec.hosts, again(made).spec.title) == ((), "Lab")


def test_network_edit_turns_check_boxes_on_and_off(made):
    run("network", "edit", "net1", "--no-autostart", "--no-dhcp", "--no-wait")
    assert (again(made).autostart, again(made).spec.dhcp) == (False, "")
    run("network", "edit", "net1", "--autostart", "-p", "--no-wait")
    assert (again(made).autostart, again(made).spec.dhcp) == (True, "10.1.0.2-10.1.0.254")


def test_network_edit_moves_entries_along_with_their_block(made):
    run("network", "edit", "net1", "--host", "52:54:00:00:00:08 10.1.0.8", "--no-wait")
    run("network", "edit", "net1", "-n", "10.2.0.1/24", "--move-along", "--yes", "--no-wait")
    assert [host.ip for host in again(made).spec.hosts] == ["10.2.0.8"]


def test_a_change_that_disrupts_running_vms_prints_the_plan_and_needs_yes(made):
    out = StringIO()
    with pytest.raises(CommandError, match="this interrupts running VMs; confirm it with --yes"):
        call_command("network", "edit", "net1", "--mtu", "9000", stdout=out)
    assert lines(out.getvalue()) == [
        "Disruption  Step                                                        VMs",
        "none        Define net1 again",
        "brief       Restart net1, because libvirt cannot change this live: MTU  alma-8-8",
        "none        Reconnect 1 running VM: alma-8-8                            alma-8-8",
    ]
    assert again(made).generation == made.generation
    run("network", "edit", "net1", "--mtu", "9000", "--yes", "--no-wait")
    assert again(made).spec.mtu == 9000
    assert again(made).accepted[1]["vms"] == ["alma-8-8"]


def test_a_dry_run_prints_the_plan_and_does_nothing(made, enqueued):
    assert "Restart net1" in run("network", "edit", "net1", "--mtu", "9000", "--dry-run")
    define, restart, _ = json.loads(run("network", "edit", "net1", "--mtu", "9000", "--dry-run", "--json"))
    assert (define["step"], restart["vms"], restart["disruption"]) == ("define", ["alma-8-8"], "brief")
    assert "Stop net1" in run("network", "stop", "net1", "--dry-run")
    assert lines(run("network", "edit", "net1", "--dry-run")) == ["Nothing to do."]
    assert again(made).generation == made.generation
    assert "Define net2" in run("network", "add", "net2", "--dry-run")
    assert not Network.objects.filter(name="net2").exists()
    assert enqueued == []


def test_network_edit_without_a_change_does_nothing(made):
    run("network", "edit", "net1")
    assert again(made).generation == made.generation


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "a\ufffeb"), "NAME: A name cannot contain control characters."),
        (("edit", "none", "--mtu", "9000"), "there is no network none"),
        (("edit", "default", "--mtu", "9000"), "The portal does not manage default. Adopt it first"),
        (("edit", "net1", "--mtu", "1"), "--mtu: An MTU is at least 68"),
        (
            ("edit", "net1", "--host", "52:54:00:00:00:08 10.9.0.8"),
            "--host: This is outside all blocks of this network",
        ),
        (("edit", "net1", "--host", "x", "--host", "y"), "--host: Line 1: x: enter a reservation like"),
        (("edit", "net1", "--network-cidr", "192.168.122.1/24"), "--network-cidr: 192.168.122.0/24 overlaps"),
        (("edit", "net1", "--dns-host", "10.1.0.5"), "--dns-host: Line 1: "),
        (("plan", "default"), "The portal does not manage default"),
        (("release", "default"), "The portal does not manage default"),
        (("xml", "net1", "--file", "/nowhere.xml"), "--file: "),
        (("stop", "default"), "The portal does not manage default"),
        (("history", "none"), "there is no network none"),
    ],
)
def test_a_refused_change_of_a_network_prints_the_reason(made, words, said):
    with pytest.raises(CommandError) as refused:
        run("network", *words)
    assert said in str(refused.value)
    assert again(made).generation == made.generation


def test_network_xml_prints_the_saved_and_the_found_document(drifted):
    assert "10.1.0.254" in run("network", "xml", "net1")
    assert "10.1.0.99" in run("network", "xml", "net1", "--found")
    assert "<name>default</name>" in run("network", "xml", "default")


def test_network_xml_accepts_an_edited_file(made, tmp_path):
    path = tmp_path / "net1.xml"
    path.write_text(
        run("network", "xml", "net1").replace("</dhcp>", "<host mac='52:54:00:00:00:08' ip='10.1.0.8'/></dhcp>")
    )
    run("network", "xml", "net1", "--file", str(path), "--no-wait")
    assert [str(host) for host in again(made).hosts.all()] == ["52:54:00:00:00:08 10.1.0.8"]
    path.write_text(path.read_text().replace("<ip ", "<mtu size='9000'/><ip "))
    with pytest.raises(CommandError, match="confirm it with --yes"):
        run("network", "xml", "net1", "--file", str(path))
    run("network", "xml", "net1", "--file", str(path), "--yes", "--no-wait")
    assert again(made).spec.mtu == 9000


def test_an_unchanged_file_changes_nothing(made, tmp_path):
    path = tmp_path / "net1.xml"
    path.write_text(run("network", "xml", "net1"))
    run("network", "xml", "net1", "--file", str(path), "--no-wait")
    assert again(made).plan() == ()
    assert lines(run("network", "xml", "net1", "--file", str(path), "--dry-run")) == ["Nothing to do."]


def test_an_invalid_file_is_refused_with_the_line(made, tmp_path):
    path = tmp_path / "net1.xml"
    path.write_text("<network>\n<name>other</name></network>")
    with pytest.raises(CommandError, match=f"{path}: Line 2: The name must stay net1"):
        run("network", "xml", "net1", "--file", str(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="--file: "):
        run("network", "xml", "net1", "--file", str(path))
    assert again(made).generation == made.generation
