"""People and objects to open every page with."""

from dataclasses import replace
from functools import partial

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from networks.definition.events import Event
from tests.support.making import (
    make_disks,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired.revisions import record
from virterweb.hypervisors.models import Hypervisor, WorkerProcess
from virterweb.people.models import Grant, LastDefinition, Membership, Role, Team
from vms.definition.events import Event as VMEvent
from vms.models import VM, ConsoleLog, Upload, VMTemplate


@pytest.fixture
def people(db):
    """Create a user of each role of a team, and users of other teams: one who sees names, and one who sees nothing."""
    Team.objects.update(role_of_all=None)  # nobody is a member without being listed
    red, blue, green = (Team.objects.create(name=name) for name in ("red", "blue", "green"))
    roles, lab = {role.name: role for role in Role.objects.all()}, make_hypervisor("lab", access_network="net1")
    elsewhere = make_hypervisor("elsewhere")
    Grant.objects.create(team=red, hypervisor=lab, role=None)
    Grant.objects.create(team=blue, hypervisor=lab, role=roles["names and addresses"])
    Grant.objects.create(team=green, hypervisor=elsewhere, role=roles["names and addresses"])
    operators, auditors = (Team.objects.create(name=name) for name in ("operators", "auditors"))
    Grant.objects.create(team=operators, hypervisor=lab, role=roles["operator"])
    Grant.objects.create(team=auditors, hypervisor=lab, role=roles["auditor"])
    make = partial(get_user_model().objects.create_user, password="a good one")
    members = {
        "viewer": (red, "viewer"),
        "user": (red, "user"),
        "owner": (red, "user"),
        "manager": (red, "manager"),
        "other team": (blue, "user"),
        "stranger": (green, "user"),
        "auditor": (auditors, "viewer"),
        "operator": (operators, "viewer"),
    }
    found = {"anonymous": None, "staff": make("staff", is_staff=True)}
    for name, (team, role) in members.items():
        found[name] = make(name.replace(" ", "-"), is_staff=name == "operator")
        Membership.objects.create(team=team, user=found[name], role=roles[role])
    return found | {"superuser": get_user_model().objects.create_superuser("superuser", password="a good one")}


@pytest.fixture
def things(people, enqueued):
    """Create objects of the owner in the team red, and objects that belong to nobody."""
    return make_things(Hypervisor.objects.get(name="lab"), people["owner"], Team.objects.get(name="red"))


def make_last_definition(vm: VM) -> Entry:
    """Return the entry about a VM like this one that was deleted because of its end date."""
    subject = replace(vm.activity_subject(VMEvent.DELETED_AT_END), name="old", object_id=vm.pk + 1000)
    definition = {"document": "<domain><name>old</name></domain>"}
    LastDefinition.objects.create(
        kind="vm", object_id=subject.object_id, hypervisor="lab", name="old", values=definition
    )
    return Entry.objects.record(subject, VMEvent.DELETED_AT_END, {"until": "2026-11-01T10:00:00"}, result="done")


def make_things(lab: Hypervisor, owner: AbstractBaseUser, team: Team) -> dict[str, object]:
    """Create objects of a user in a team, and objects that belong to nobody; return values for addresses of pages."""
    WorkerProcess.objects.create(name="worker", seen_at=timezone.now())
    network = make_network(lab, "net1", "10.1.0.1/24", owner=owner, team=team)
    found = {"present": True, "active": True, "document": network.full_document, "ip_range": "10.1.0.1/24"}
    network.status.write(generation=1, made_at=timezone.now(), **found)
    network.note(Event.ADDED, owner, result="done")
    make_host(network, "52:54:00:00:00:09", "10.1.0.9")
    lease = make_lease(network, "52:54:00:00:00:07", "10.1.0.7")
    make_foreign_network(lab)
    lab.pools.create(name="default", active=True, seen_at=timezone.now())
    image = make_image(lab, "alma-8", owner=owner, team=team)
    fields = {"image": image.name, "memory": 1024, "vcpus": 1, "boot_size": 10}
    VMTemplate.objects.create(hypervisor=lab, name="web", owner=owner, team=team, fields=fields)
    vm = make_vm(lab, "alma-8-8", 8, owner=owner, team=team, image=image)
    make_running(vm, ("net1", "52:54:00:00:00:08", "vnet0"))
    domain = "<domain type='qemu'><name>x</name><devices/></domain>"
    vm.status.write(generation=vm.generation, document=domain)
    other = VM.objects.create(hypervisor=lab, name="external", managed=False)
    other.status.write(present=True, document=domain)
    ConsoleLog.objects.create(hypervisor=lab, vm=vm, name="alma-8-8", text="hello")
    for user in get_user_model().objects.all():
        TOTP.activate(user, generate_totp_secret())
        RecoveryCodes.activate(user)
    values = {"hypervisor": "lab", "pk": network.revisions.get().pk, "mac": "52:54:00:00:00:08", "ip": "10.1.0.9"}
    values |= {"suffix": "json", "end": "/", "group": "g", "verb": "start", "change": "force-off"}
    values |= {"target": "vdb", "request_id": make_disks(vm)}
    values |= {"uidb64": "MQ", "token": "x", "provider_id": "corp"}
    record(vm, VMEvent.BASELINE, result="done")
    values["last_definition"] = make_last_definition(vm).pk
    snapshot = vm.snapshots.create(name="before", taken_at=timezone.now(), kind="internal", document=domain)
    capture = vm.captures.create(nic="52:54:00:00:00:08", seconds=1, packets=1, size=1, done_at=timezone.now())
    values["capture"] = capture.pk
    values["key"] = Upload.objects.create(owner=owner, hypervisor=lab, team=team, name="uploaded", length=512).key
    return values | {"lease": lease.pk, "vm_revision": vm.revisions.get().pk, "snapshot": snapshot.pk}
