"""The commands `vm snapshot …`."""

import pytest
from django.core.management.base import CommandError

from tests.project.commands.running_commands import lines, run
from tests.vms.snapshots.conftest import world  # noqa: F401, a fixture
from tests.vms.snapshots.snapped_vm import World
from vms.models import SnapshotRequest

pytestmark = pytest.mark.integration


def test_snapshots_are_listed_as_a_tree(world: World):  # noqa: F811
    world.snapshot("first")
    world.snapshot("second", more="<description>of two\nlines</description>")
    first, second = lines(run("vm", "snapshot", "ls", "web"))[1:]
    assert first.split()[0] == "first"
    assert second.startswith("  second  yes")
    assert second.endswith("of two lines")


def test_snapshots_are_taken_reverted_to_and_deleted(world: World):  # noqa: F811
    run("vm", "snapshot", "take", "web", "first", "--description", "why", "--no-wait")
    world.work()
    assert world.vm.snapshots.get().description == "why"
    for verb in ("revert", "rm"):
        run("vm", "snapshot", verb, "web", "first", "--no-wait")
        assert not world.work().error
    assert world.names() == set()


def test_a_dry_run_says_what_a_revert_loses_and_requests_nothing(world: World):  # noqa: F811
    world.snapshot("first")
    assert "What was written to the disks of web" in run("vm", "snapshot", "revert", "web", "first", "--dry-run")
    assert not SnapshotRequest.objects.exists()


def test_bad_names_and_unknown_snapshots_are_refused(world: World):  # noqa: F811
    with pytest.raises(CommandError, match="snapshot: A name cannot contain /"):
        run("vm", "snapshot", "take", "web", "a/b", "--no-wait")
    for verb in ("revert", "rm", "merge"):
        with pytest.raises(CommandError, match="web has no snapshot none"):
            run("vm", "snapshot", verb, "web", "none", "--no-wait")
    world.snapshot("first")
    with pytest.raises(CommandError, match="nothing to merge"):
        run("vm", "snapshot", "merge", "web", "first", "--no-wait")
