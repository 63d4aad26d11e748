"""A database of an earlier version is upgraded with its rows, on SQLite and on PostgreSQL."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import empty_database
from tests.support.portal import ROOT

pytestmark = pytest.mark.integration

BEFORE = [
    ("hypervisors", "0014_crashes"),
    ("networks", "0016_names_of_any_length"),
    ("vms", "0019_names_of_any_length"),
]
UPGRADE = """
import json
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

targets = {before!r}
executor = MigrationExecutor(connection)
executor.loader = MigrationLoader(connection, replace_migrations=False)  # one after the other, as they were made
executor.migrate([*targets, ("people", "0001_initial"), ("sessions", "0001_initial")])
apps = executor.loader.project_state(targets).apps
model = lambda name: apps.get_model(*name.split(".")).objects
lab = model("hypervisors.Hypervisor").create(name="lab", uri="test:///default")
restart = {{"verb": "restart", "text": "Restart net1, for libvirt cannot change this live: MTU", "disruption": 2}}
network = model("networks.Network").create(hypervisor=lab, name="net1", document="<network/>", accepted=[restart])
drift = "Domain: stored external.test, running near.test, expected near.test"
model("networks.NetworkStatus").create(
    wish=network, drift=drift, ignored="MTU: found none, wanted 1400\\nodd", error="No space left on device"
)
for what, result in (("added", "done"), ("reserved", "libvirt refused it")):
    model("networks.Revision").create(network=network, generation=1, what=what, result=result, document="<network/>")
vm = model("vms.VM").create(hypervisor=lab, name="tiny-8")
found = {{"aspect": "memory", "nic": "", "added": False, "title": "Memory", "saved": "1", "stored": "2"}}
model("vms.VMStatus").create(wish=vm, drift="Memory: saved 1, stored 2", differences=[found], error="refused")
model("vms.NIC").create(vm=vm, mac="52:54:00:00:00:08", source="net1", refused="network net1 is not active", position=1)
call_command("migrate", verbosity=0)

from networks.models import Network, NetworkRevision
from vms.models import NIC, VM
network, vm = Network.objects.get(), VM.objects.get()
print(json.dumps({{
    "error": str(network.status.error),
    "not kept": network.status.not_kept,
    "accepted": [step["verb"] for step in network.accepted],
    "results": sorted(NetworkRevision.objects.values_list("result", flat=True)),
    "states": [network.state, vm.state],
    "refused": NIC.objects.get().refused["reason"],
}}))
"""
# Names are left out: an index keeps that of a column that was renamed.
SCHEMA = """
import json
from django.db import connection

of, cursor, schema = connection.introspection, connection.cursor(), {}
for table in of.table_names(cursor):
    columns = [[each.name, each.type_code, each.null_ok] for each in of.get_table_description(cursor, table)]
    constraints = [
        [found["columns"] or [], *(bool(found[kind]) for kind in ("primary_key", "unique", "index", "check")),
         found["foreign_key"]]
        for found in of.get_constraints(cursor, table).values()
    ]
    schema[table] = [sorted(columns), sorted(constraints, key=str)]
print(json.dumps(schema))
"""


@pytest.fixture
def database(db, tmp_path):
    """The URL of an empty database, of the kind that the tests run on."""
    with empty_database(tmp_path) as url:
        yield url


def run(code: str, database: str, folder: Path) -> object:
    """Run code with the settings of a portal on this database; return what its last line prints as JSON."""
    environment = {**os.environ, "DATABASE_URL": database, "VIRTERWEB_DATA": str(folder)}
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_texts_of_an_earlier_version_become_codes_and_the_tables_are_those_of_a_new_database(database, tmp_path):
    assert run(UPGRADE.format(before=BEFORE), database, tmp_path) == {
        "error": "No space left on device",
        "not kept": [["mtu size", "", "1400", ""]],
        "accepted": ["restart"],
        "results": ["done", "failed"],
        "states": ["pending", "pending"],
        "refused": "network is not active",
    }
    (tmp_path / "new").mkdir()
    with empty_database(tmp_path / "new") as new:
        made = run(
            f"from django.core.management import call_command\ncall_command('migrate', verbosity=0)\n{SCHEMA}",
            new,
            tmp_path,
        )
    assert made == run(SCHEMA, database, tmp_path)
