"""Storage pools that no grant of the team names are neither offered nor used, on whatever way they are named."""

from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from tests.support.making import everyone, make_hypervisor, make_image, make_network, make_vm, record_volume
from tests.support.teams import make_team
from virterweb.people.models import Grant, Team
from vms.models import VM, Disk, Image

pytestmark = pytest.mark.integration
QCOW2 = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(16) + (2**20).to_bytes(8, "big") + bytes(512)
SAID = "You may not use the storage pool {} of lab."


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor("lab", pool="main")
    make_network(lab, "default", "192.168.122.1/24")
    make_image(lab)
    return lab


def grant(pools: str, team: Team | None = None) -> None:
    Grant.objects.filter(team=team or everyone()).update(pools=pools)


def run(page: Client, lab, **fields: object):
    sent = {"hypervisor": lab.pk, "image": "alma-8", "number": 8, "memory": 128, "vcpus": 1, "boot_size": 1}
    return page.post("/vms/run/", {**sent, "count": "1", **fields})


def disk(pool: str = "") -> dict[str, str]:
    return {"disk_name": "data", "disk_size": "1M", "disk_format": "raw", "disk_bus": "virtio", "disk_pool": pool}


#: What a grant names, a pool that is asked for besides the hypervisor's own, and the pool that is refused, if any.
POOLS = [
    ("*", "fast", ""),
    ("main", "", ""),
    ("main", "main", ""),
    ("main", "fast", "fast"),
    ("main\nfast", "fast", ""),
    ("main fa?t", "fast", ""),
    ("m*", "fast", "fast"),
    ("main", "MAIN", "MAIN"),
    ("main", "*", "*"),
    ("main\nma[", "fast", "fast"),
    ("main", "'; drop", "'; drop"),
]


@pytest.mark.parametrize(("granted", "asked", "refused"), POOLS)
def test_disks_are_in_pools_that_the_grant_names(member_page, lab, granted, asked, refused):
    grant(granted)
    answer = run(member_page, lab, **disk(asked))
    assert answer.status_code == (422 if refused else 302)
    if refused:
        assert answer.context["form"].disks[0].errors["pool"] == [f"{SAID.format(refused)} Ask an operator."]
    assert Disk.objects.exists() == VM.objects.exists() == (not refused)


@pytest.mark.parametrize(("granted", "asked", "refused"), POOLS)
def test_operators_use_all_pools(page, lab, granted, asked, refused):
    grant(granted)
    assert run(page, lab, **disk(asked)).status_code == 302


@pytest.mark.parametrize("granted", ["", "fast", "mai", "MAIN"])
def test_without_the_pool_of_the_hypervisor_there_are_neither_vms_nor_images_on_it(member_page, lab, granted):
    grant(granted)
    record_volume(lab, "golden", path="/pool/golden", format="qcow2")
    make_hypervisor("other", pool="fast-1")
    before = Image.objects.count()
    for path in ("/vms/run/", "/images/"):
        form = member_page.get(path).context["form"]
        assert ">lab<" not in str(form["hypervisor"])
    assert "golden" not in member_page.get("/images/").content.decode()
    sources = ({"volume": "golden"}, {"file": SimpleUploadedFile("x.qcow2", QCOW2)})
    sent = [{"hypervisor": lab.pk, "name": "mine", **source} for source in sources]
    refused = [run(member_page, lab), *(member_page.post("/images/", values) for values in sent)]
    assert [answer.status_code for answer in refused] == [422] * 3
    assert all(SAID.format("main") in answer.content.decode() for answer in refused)
    assert (VM.objects.count(), Image.objects.count()) == (0, before)
    assert member_page.get("/networks/add/").context["form"].fields["hypervisor"].queryset.count() == 2


def test_the_only_hypervisor_is_refused_with_the_reason(member_page, lab):
    grant("fast")
    number = member_page.get("/vms/run/").context["form"].host.pk
    assert number == lab.pk
    assert SAID.format("main") in run(member_page, lab).content.decode()


def test_the_grant_of_the_chosen_team_counts(member_page, member, lab):
    red = make_team("red", {member: "user"}, on=lab, pools="fast")
    blue = make_team("blue", {member: "user"}, on=lab, pools="main\nfast")
    assert SAID.format("main") in run(member_page, lab, team=red.pk).content.decode()
    assert run(member_page, lab, team=everyone().pk, **disk("fast")).status_code == 302
    grant("main")
    answer = run(member_page, lab, number=20, team=everyone().pk, **disk("fast"))
    assert SAID.format("fast") in answer.content.decode()
    assert run(member_page, lab, number=21, team=blue.pk, **disk("fast")).status_code == 302
    answer = member_page.post(
        "/images/", {"hypervisor": lab.pk, "name": "x", "team": red.pk, "file": SimpleUploadedFile("x", QCOW2)}
    )
    assert SAID.format("main") in answer.content.decode()


def test_a_grant_on_the_hypervisor_adds_to_that_on_all(member_page, lab):
    grant("")
    assert run(member_page, lab).status_code == 422
    Grant.objects.create(team=everyone(), hypervisor=make_hypervisor("other"), pools="main")
    assert run(member_page, lab).status_code == 422
    Grant.objects.create(team=everyone(), hypervisor=lab, pools="main")
    assert run(member_page, lab).status_code == 302


def test_a_similar_vm_is_refused_a_pool_that_is_no_longer_granted(member_page, lab, member):
    vm = make_vm(lab, "old-8", 8, image=Image.objects.get(), owner=member)
    Disk.objects.create(vm=vm, name="data", size=1, pool="fast")
    grant("main")
    form = member_page.get(f"{reverse('vms:run')}?like=old-8&hypervisor={lab.pk}").context["form"]
    answer = run(member_page, lab, number=20, **disk(form.disks[0]["pool"].value()))
    assert SAID.format("fast") in answer.content.decode()
    assert VM.objects.count() == 1


def test_commands_use_only_granted_pools(lab, member):
    grant("main")
    words = ["vm", "run", "alma-8", "--id", "30", "--disk", "name=data,size=1M,pool=fast", "--as-user", "otto"]
    with pytest.raises(CommandError, match="storage pool fast of lab"):
        call_command(*words, "--no-wait", stdout=StringIO(), stderr=StringIO())
    assert not VM.objects.exists()


@pytest.mark.parametrize(("granted", "status"), [("main", 403), ("main\nfast", 302)])
def test_accepting_does_not_take_over_a_disk_in_another_pool(member_page, lab, member, granted, status):
    vm = make_vm(lab, "vm", 8, owner=member)
    record_volume(lab, "virter:work:vm-data", pool="fast", path="/fast/data", format="raw")
    source = "<source pool='fast' volume='virter:work:vm-data'/><target dev='vdb'/>"
    document = f"<domain type='qemu'><name>vm</name><devices><disk type='volume'>{source}</disk></devices></domain>"
    found = {"source": "fast/virter:work:vm-data", "target": "vdb", "bus": "virtio", "format": "raw"}
    vm.status.write(document=document, disks=[found], present=True, generation=vm.generation, made_at=vm.created_at)
    grant(granted)
    answer = member_page.post("/vms/lab/vm/take/")
    assert answer.status_code == status
    assert (SAID.format("fast") in answer.content.decode()) == (status == 403)
    assert vm.disks.exists() == (status == 302)


def test_grants_of_a_new_installation_name_all_pools(lab):
    assert set(Grant.objects.values_list("pools", flat=True)) == {"*"}
    with pytest.raises(ValidationError):
        Grant(team=everyone(), blocks="x").full_clean()
