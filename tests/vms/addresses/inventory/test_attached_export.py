"""The table of attached NICs as a file."""

import pytest

from tests.vms.addresses.inventory.inventory_of_vms import ACCESS, make_stranger
from vms.models import NICAddress

ATTACHED = "/networks/lab-1/default/attached"


@pytest.mark.parametrize(
    "path", ["/inventory.json", "/ssh-config", "/known_hosts", f"{ATTACHED}.csv", f"{ATTACHED}.json"]
)
def test_the_export_requires_a_login(client, lab, vm, path):
    answer = client.get(path, headers={"accept": "application/json"})
    assert (answer.status_code, answer.url) == (302, f"/login/?next={path}")


def test_the_table_of_attached_nics_is_exported(page, lab, vm):
    NICAddress.objects.create(vm=vm.status, mac=ACCESS, ip="fd00::8", source="agent")
    make_stranger(lab, "=1+1", ("default", "52:54:00:00:00:0b", "vnet4"))
    answer = page.get(f"{ATTACHED}.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="lab-1-default-attached.csv"'
    assert answer.content.decode().splitlines() == [
        "vm,mac,ip,hostname,host_device,sources,hypervisor,kind,source,bridge,port_group,model,link,state,owner,"
        "guest,guest_problem",
        "'=1+1,52:54:00:00:00:0b,,,vnet4,,lab-1,network,default,virbr0,,virtio,up,running,others,unknown,",
        f"alma-8-8,{ACCESS},fd00::8 192.168.122.8,alma-8-8,vnet1,agent lease,"
        "lab-1,network,default,virbr0,,virtio,up,running,,as-wanted,",
    ]
    assert page.get(f"{ATTACHED}.json").json()[1] == {
        "vm": "alma-8-8",
        "mac": ACCESS,
        "ip": ["fd00::8", "192.168.122.8"],
        "hostname": "alma-8-8",
        "host_device": "vnet1",
        "sources": ["agent", "lease"],
        "hypervisor": "lab-1",
        "kind": "network",
        "source": "default",
        "bridge": "virbr0",
        "port_group": "",
        "model": "virtio",
        "link": "up",
        "state": "running",
        "owner": "",
        "guest": "as-wanted",
        "guest_problem": "",
    }


def test_the_attached_page_is_a_table_for_clients_that_accept_no_html(page, lab, vm):
    for accept, kind in (("application/json", "application/json"), ("text/csv", "text/csv; charset=utf-8")):
        answer = page.get(f"{ATTACHED}/", headers={"accept": accept})
        assert answer.headers["Content-Type"] == kind
        assert "Accept" in answer.headers["Vary"]
    for accept in ("text/html,application/json;q=0.9", "*/*"):
        assert page.get(f"{ATTACHED}/", headers={"accept": accept}).templates[0].name == "vms/attached/attached.html"


@pytest.mark.parametrize(
    "path", [f"{ATTACHED}.xml", f"{ATTACHED}.", f"{ATTACHED}.csv/", "/networks/lab-1/none/attached.csv"]
)
def test_another_suffix_or_network_is_not_found(page, lab, path):
    assert page.get(path).status_code == 404
