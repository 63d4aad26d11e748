"""Users who try to get more than the limits of their team allow."""

from dataclasses import replace

import pytest

from networks.definition.document.edit import edit
from networks.definition.document.parse import parse
from networks.definition.spec import HostSpec
from networks.models import Network
from tests.support.making import everyone, make_hypervisor, make_image, make_network, make_vm
from virterweb.people.models import Grant
from vms.models import VM, Volume

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab")


def test_what_counts_towards_a_limit_is_not_released(member_page, lab, member):
    Grant.objects.filter(team=everyone()).update(max_vms=1, max_networks=1)
    vm, network = make_vm(lab, "vm", 8, owner=member), make_network(lab, "net1", "10.1.0.1/24", owner=member)
    for each in (vm, network):
        each.status.write(present=True)
        answer = member_page.post(f"{each.get_absolute_url()}release/")
        assert answer.status_code == 403
        assert "Only operators may release" in answer.content.decode()
    assert VM.objects.get().managed
    assert Network.objects.get().managed


def test_reservations_that_are_accepted_from_libvirt_count_towards_the_limit(member_page, lab, member):
    Grant.objects.filter(team=everyone()).update(max_reservations=1)
    network = make_network(lab, "net1", "10.1.0.1/24", owner=member)
    spec = parse(network.full_document)
    hosts = tuple(HostSpec(mac=f"52:54:00:00:00:1{n}", ip=f"10.1.0.1{n}") for n in range(2))
    found = edit(network.full_document, replace(spec.having_hosts(hosts), uuid=network.uuid_text))
    network.status.write(document=found, present=True, active=True, autostart=True)
    answer = member_page.post("/networks/lab/net1/take/")
    assert answer.status_code == 403
    assert "2 of 1 reserved addresses" in answer.content.decode()
    assert not network.hosts.exists()


def test_a_disk_counts_with_the_size_of_its_image(member_page, lab):
    Grant.objects.filter(team=everyone()).update(max_disk=20)
    make_network(lab, "default", "192.168.122.1/24")
    make_image(lab)
    Volume.objects.update(capacity=100 * 1024**3 + 1)
    sent = {"hypervisor": lab.pk, "image": "alma-8", "number": 8, "count": "1"}
    answer = member_page.post("/vms/run/", {**sent, "memory": 128, "vcpus": 1, "boot_size": 1})
    assert answer.status_code == 422
    assert "101 of 20 GiB of disk" in answer.content.decode()
