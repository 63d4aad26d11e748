"""Web servers and workers that start together upgrade the database once."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import empty_database
from tests.support.portal import ROOT, Portal

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def test_two_that_migrate_at_the_same_time_do_it_one_after_the_other(tmp_path: Path):
    with empty_database(tmp_path) as url:
        portal = Portal(tmp_path, None, DATABASE_URL=url)
        command = [sys.executable, "manage.py", "migrate", "hypervisors", "--verbosity", "1"]
        both = [
            subprocess.Popen(
                command, env=portal.environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for _ in range(2)
        ]
        said = [process.communicate()[0].decode() for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        assert sorted("No migrations to apply" in each for each in said) == [False, True]
