"""Networks on bridges that the host does not have."""

import pytest

from tests.support.making import make_foreign_network, make_running


@pytest.mark.parametrize("devices", [None, ["lo", "virbr0", "br0"]])
def test_a_bridge_that_exists_or_cannot_be_checked_is_no_problem(page, default, lab, devices):
    lab.status.devices = devices
    lab.status.save()
    assert "has no bridge" not in page.get("/problems/").content.decode()


def test_a_missing_bridge_is_shown_on_the_overview_and_the_page_of_the_network(page, default, lab, vm):
    lab.status.devices = ["lo", "eth0"]
    lab.status.save()
    make_running(vm, ("default", "52:54:00:00:00:08", "vnet1"))
    vm.status.nics.update(kind="bridge", source="br7", network=None)
    for path in ("/problems/", "/networks/lab-1/default/problems/"):
        assert "the host has no bridge virbr0" in page.get(path).content.decode()
    assert "refers to the host bridge br7, which does not exist" in page.get("/problems/").content.decode()


def test_an_inactive_network_on_a_missing_host_bridge_shows_the_problem(page, lab):
    document = "<network><name>lan</name><uuid>{uuid}</uuid><forward mode='bridge'/><bridge name='br9'/></network>"
    make_foreign_network(lab, document, active=False)
    lab.status.devices = ["lo"]
    lab.status.save()
    assert "lan: the host has no bridge br9" in page.get("/problems/").content.decode()
