"""The links of NICs are those that the URL patterns give, also for odd names and places."""

import pytest
from django.urls import reverse

from tests.support.making import make_hypervisor, make_vm
from virterweb.portal.topology.reading import _nic_page

pytestmark = pytest.mark.integration
MAC = "52:54:00:00:00:08"


@pytest.mark.parametrize("name", ["plain", "a-b", "a b", "nics", "ümlaut", "100%", "a\\b", "-"])
@pytest.mark.parametrize("key", [MAC, f"{MAC}@0000:00:02.0", f"{MAC}@0000:00:1f.7"])
def test_a_nic_leads_to_its_own_page(db, enqueued, name, key):
    vm = make_vm(make_hypervisor("lab-é"), name, 8)
    assert _nic_page(vm, changeable=True)(key) == reverse("vms:nic_link", args=["lab-é", name, key])
    assert _nic_page(vm, changeable=False)(key) == f"{vm.get_absolute_url()}#nics"
