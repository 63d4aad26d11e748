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
    "refused": [NIC.objects.get().refused["reason"], str(NIC.objects.get().refusal)],
}}))
"""
OLD_REFUSALS = """
import json
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

executor = MigrationExecutor(connection)
before = [target for target in executor.loader.graph.leaf_nodes() if target[0] != "vms"]
targets = [*before, ("vms", "0001_squashed_0035_interrupted")]
executor.migrate(targets)
apps = executor.loader.project_state(targets).apps
model = lambda name: apps.get_model("vms", name).objects
lab = apps.get_model("hypervisors.Hypervisor").objects.create(name="lab", uri="test:///default")
vm = model("VM").create(hypervisor=lab, name="tiny-8", uuid="b3cf4da8-1a1b-4c6c-9c1c-6f2a0e8f8f08")
message = {"code": "hypervisor.refused", "action": "attach it", "reason": "no network net1"}
stored = json.dumps(message, sort_keys=True)
refused = [
    {"code": "shared MAC", "mac": "52:54:00:00:00:08"},
    {"code": "other MAC", "found": "52:54:00:00:00:08", "mac": "52:54:00:00:00:09"},
    {"code": "not attachable", "mac": "52:54:00:00:00:08", "kind": "vdpa"},
    {"code": "libvirt", "message": stored, "reason": "no network", "about": "net1"},
    {"code": "libvirt", "message": stored},
    {"code": "libvirt", "text": "refused by libvirt", "reason": "", "about": ""},
    None,
]
for number, each in enumerate(refused):
    model("NIC").create(vm=vm, mac=f"52:54:00:00:00:0{number}", source="net1", position=number, refused=each)
sides = {"saved": ["network", "net1"], "stored": None}
drift = [{"nic": "52:54:00:00:00:08", "problem": refused[0], **sides}, {"aspect": "memory", "saved": 512, "stored": 1}]
held = {"code": "nics.held", "macs": ["52:54:00:00:00:08"], "refused": refused[:1]}
error = {"code": "vm.not_deleted", "vm": "tiny-8", "reason": {"code": "nics.refused", "refused": refused[3:6]}}
model("VMStatus").create(
    desired=vm, drift="\\n".join(json.dumps(code, sort_keys=True) for code in drift),
    error=json.dumps(error), progress=json.dumps(held),
)
model("VMRevision").create(desired=vm, generation=1, event="added", result="failed", error=json.dumps(error))
call_command("migrate", verbosity=0)

from virterweb.messages import Message
from vms.definition.domain import FoundDomain
from vms.definition.domain_diff import SavedNIC, SavedVM, compare
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.spec import NICSpec
from vms.models import NIC, VM, VMRevision
from vms.sync.recording import _codes

vm = VM.objects.get()
interface = "<interface type='user'><mac address='52:54:00:00:00:08'/></interface>"
nics = parse_domain(f"<domain><devices>{2 * interface}</devices></domain>")
wanted = SavedNIC(key="52:54:00:00:00:08", spec=NICSpec(kind="network", source="net1", mac="52:54:00:00:00:08"))
found = FoundDomain(name="tiny-8", uuid="", memory=512, vcpus=1, nics=nics, disks=())
again = compare(SavedVM(name="tiny-8", memory=512, vcpus=1, nics=(wanted,)), found, None)
print(json.dumps({
    "refused": [[str(nic.refusal), nic.refused and nic.refused.get("about")] for nic in NIC.objects.all()],
    "drift": vm.status.drifts,
    "as compared": _codes(again).split("\\n")[0] == vm.status.drift.split("\\n")[0],
    "error": str(vm.status.error),
    "progress": str(vm.status.progress),
    "revision": VMRevision.objects.get().error == vm.status.error,
    "not known": [part.code for part in vm.status.error.parts() if "text" not in part.code and "." not in part.code],
}))
"""
VOLUMES = """
import json
from datetime import datetime, UTC
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

at = datetime(2026, 12, 1, tzinfo=UTC)
executor = MigrationExecutor(connection)
before = [target for target in executor.loader.graph.leaf_nodes() if target[0] != "vms"]
targets = [*before, ("vms", "0059_linked_clones")]
executor.migrate(targets)
apps = executor.loader.project_state(targets).apps
model = lambda name: apps.get_model(*name.split(".")).objects
asked = []
for name, pool in (("known", "default"), ("new", "ssd")):
    lab = model("hypervisors.Hypervisor").create(name=name, uri="test:///default", pool=pool)
    model("hypervisors.HypervisorStatus").create(hypervisor=lab, volumes_read_at=at)
    model("vms.Volume").create(hypervisor=lab, name="used", path="/pool/used")
    times = {"unused_since": at, "delete_asked_at": at}
    asked.append(model("vms.Volume").create(hypervisor=lab, name="asked", path="/pool/asked", **times).pk)
    if name == "known":
        model("vms.StoragePool").create(hypervisor=lab, name=pool, active=True, due_at=at)
        other = model("vms.StoragePool").create(hypervisor=lab, name="iso", active=True, due_at=at, read_at=at)
        model("vms.PoolVolume").create(pool=other, name="used", path="/iso/used")
model("hypervisors.Hypervisor").create(name="never read", uri="test:///default")
call_command("migrate", verbosity=0)

from vms.models import StoragePool, Volume
rows = Volume.objects.exclude(delete_asked_at=None).exclude(unused_since=None)
print(json.dumps({
    "asked": [list(rows.order_by("pk").values_list("pk", flat=True)), asked],
    "volumes": sorted(map(str, Volume.objects.values_list("pool__hypervisor__name", "pool__name", "name"))),
    "pools": sorted(map(str, StoragePool.objects.values_list("hypervisor__name", "name", "active"))),
    "read": sorted(StoragePool.objects.filter(read_at=at).values_list("hypervisor__name", flat=True)),
    "at once": list(StoragePool.objects.filter(due_at=None, active=True).values_list("name", flat=True)),
}))
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
        "refused": ["network is not active", "network net1 is not active"],
    }
    (tmp_path / "new").mkdir()
    with empty_database(tmp_path / "new") as new:
        made = run(
            f"from django.core.management import call_command\ncall_command('migrate', verbosity=0)\n{SCHEMA}",
            new,
            tmp_path,
        )
    assert made == run(SCHEMA, database, tmp_path)


def test_refusals_of_nics_become_messages_and_the_same_drift_is_found_again(database, tmp_path):
    shared = "Several NICs have the MAC 52:54:00:00:00:08, and no PCI address or alias distinguishes them."
    refused = "Could not attach it: no network net1"
    not_deleted = f"tiny-8 was not deleted. {refused} {refused} refused by libvirt"
    after = run(OLD_REFUSALS, database, tmp_path)
    assert after.pop("progress").endswith(f"It releases the NIC once it has booted or when the VM is off. {shared}")
    assert after == {
        "refused": [
            [shared, None],
            [
                "The MAC of NIC 52:54:00:00:00:08 cannot change to 52:54:00:00:00:09. Attach a new NIC and detach "
                "this one.",
                None,
            ],
            ["NIC 52:54:00:00:00:08 is of the kind vdpa, which the portal cannot attach. Use virsh.", None],
            [refused, "net1"],
            [refused, None],
            ["refused by libvirt", None],
            ["", None],
        ],
        "drift": [
            f"NIC 52:54:00:00:00:08: found {shared}, expected net1",
            "Memory: found 1 MiB, expected 512 MiB",
        ],
        "as compared": True,
        "error": not_deleted,
        "revision": True,
        "not known": [],
    }


def test_volumes_keep_their_requests_and_other_pools_are_read_again_at_once(database, tmp_path):
    after = run(VOLUMES, database, tmp_path)
    kept, asked = after.pop("asked")
    assert kept == asked
    assert after == {
        "volumes": [str((*its, name)) for its in (("known", "default"), ("new", "ssd")) for name in ("asked", "used")],
        "pools": [str(("known", "default", True)), str(("known", "iso", True)), str(("new", "ssd", False))],
        "read": ["known", "new"],
        "at once": ["iso"],
    }
