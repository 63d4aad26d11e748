"""When a VM was removed outside the portal with its volumes, the next poll reads the pool."""

import pytest

from tests.support.making import make_hypervisor, make_running, make_vm
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.models import HypervisorStatus
from vms.models import VM
from vms.sync import polling


@pytest.mark.parametrize("managed", [True, False])
def test_the_pool_is_read_again_once_a_vm_is_gone(db, enqueued, managed):
    lab = make_hypervisor()
    make_running(make_vm(lab))
    VM.objects.update(managed=managed)
    connection = Connection(lab.pk, lab.uri)
    stale = HypervisorStatus.objects.filter(hypervisor=lab).values_list("stale_at", flat=True)
    assert stale.get() is None
    polling.observe(lab, connection)
    assert (asked := stale.get()) is not None
    polling.observe(lab, connection)
    assert stale.get() == asked  # once
    connection.close()
