"""People and objects to open every page with."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from networks.definition.events import Event
from tests.support.making import (
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from virterweb.hypervisors.desired.revisions import record
from virterweb.hypervisors.models import WorkerProcess
from vms.definition.events import Event as VMEvent
from vms.models import VM, ConsoleLog


@pytest.fixture
def people(db):
    make = get_user_model().objects.create_user
    operator = make("operator", is_staff=True)
    operator.user_permissions.add(Permission.objects.get(codename="operate"))
    return {
        "anonymous": None,
        "member": make("member"),
        "owner": make("owner"),
        "staff": make("staff", is_staff=True),
        "operator": operator,
        "superuser": get_user_model().objects.create_superuser("superuser"),
    }


@pytest.fixture
def things(people, enqueued):
    """Create objects of the owner, and objects without an owner."""
    owner, lab = people["owner"], make_hypervisor("lab", access_network="net1")
    WorkerProcess.objects.create(name="worker", seen_at=timezone.now())
    network = make_network(lab, "net1", "10.1.0.1/24", owner=owner)
    found = {"present": True, "active": True, "document": network.full_document, "ip_range": "10.1.0.1/24"}
    network.status.write(generation=1, made_at=timezone.now(), **found)
    network.note(Event.ADDED, owner, result="done")
    make_host(network, "52:54:00:00:00:09", "10.1.0.9")
    lease = make_lease(network, "52:54:00:00:00:07", "10.1.0.7")
    make_foreign_network(lab)
    image = make_image(lab, "alma-8", owner=owner)
    vm = make_vm(lab, "alma-8-8", 8, owner=owner, image=image)
    make_running(vm, ("net1", "52:54:00:00:00:08", "vnet0"))
    domain = "<domain type='qemu'><name>x</name><devices/></domain>"
    vm.status.write(generation=vm.generation, document=domain)
    other = VM.objects.create(hypervisor=lab, name="external", managed=False)
    other.status.write(present=True, document=domain)
    ConsoleLog.objects.create(hypervisor=lab, vm=vm, name="alma-8-8", text="hello")
    values = {"hypervisor": "lab", "pk": network.revisions.get().pk, "mac": "52:54:00:00:00:08", "ip": "10.1.0.9"}
    values |= {"suffix": "json", "end": "/", "group": "g", "verb": "start"}
    record(vm, VMEvent.BASELINE, result="done")
    return values | {"lease": lease.pk, "vm_revision": vm.revisions.get().pk}
