"""The list of images shows what they are based on and what uses them; an image in use is not deleted."""

import pytest
from django.core.management import CommandError

from tests.project.commands.running_commands import run
from tests.support.making import make_hypervisor, make_image, make_vm
from tests.support.teams import make_team
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people.models import Team
from vms.models import Image, StoragePool, Volume

pytestmark = pytest.mark.integration

LOWER, UPPER = "virter:layer:sha256:aaaa", "virter:layer:sha256:bbbb"


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    """Images base and app; the layer of app is on that of base."""
    lab = make_hypervisor()
    make_volume(lab, LOWER)
    make_volume(lab, UPPER, LOWER)
    for name, layer in (("base", LOWER), ("app", UPPER)):
        make_image(lab, name, volume=f"virter:tag:{name}")
        make_volume(lab, f"virter:tag:{name}", layer, used_by=Message("volume.used_by_image", user=name))
    return lab


def make_volume(lab: Hypervisor, name: str, backing: str = "", **values: object) -> Volume:
    backing = f"/pool/{backing}" if backing else ""
    found = {"path": f"/pool/{name}", "backing": backing, **values}
    return lab.pools.get_or_create(name=lab.pool)[0].volumes.update_or_create(name=name, defaults=found)[0]


def row(page, name: str) -> str:
    shown = " ".join(page.get("/images/").content.decode().split())
    pk = Image.objects.get(name=name).pk
    return shown.partition(f'id="image-{pk}"')[2].partition("</tr>")[0]


def delete(page, name: str) -> str:
    return page.post(f"/images/lab-1/{name}/remove/", follow=True).content.decode()


def test_the_list_shows_layers_and_users(page, lab):
    make_vm(lab, "web", 8, image=Image.objects.get(name="app"))
    assert f'title="{LOWER}"' in row(page, "base")
    assert "<div>image app</div>" in row(page, "base")
    assert f'title="{UPPER}"' in row(page, "app")
    assert f'title="{LOWER}"' in row(page, "app")
    assert "<div>web</div>" in row(page, "app")
    assert "web" not in row(page, "base")


def test_more_than_three_users_are_counted(page, lab):
    for number in range(5):
        make_vm(lab, f"web-{number}", number + 10, image=Image.objects.get(name="app"))
    assert "and 2 more" in row(page, "app")


def test_an_image_in_use_is_not_deleted_and_its_users_are_named(page, lab):
    vm = make_vm(lab, "web", 8, image=Image.objects.get(name="app"))
    assert "The image app was not deleted, because it is in use: VM web." in delete(page, "app")
    assert "The image base was not deleted, because it is in use: image app." in delete(page, "base")
    assert not Image.objects.exclude(removed_at=None).exists()
    vm.delete()
    delete(page, "app")
    assert Image.objects.get(name="app").removed_at


def test_the_commands_list_images_and_delete_those_that_nothing_uses(lab):
    vm = make_vm(lab, "web", 8, image=Image.objects.get(name="app"))
    (app,) = (line.split() for line in run("image", "ls").splitlines() if line.startswith("app"))
    assert "web" in app
    with pytest.raises(CommandError, match="it is in use: VM web"):
        run("image", "rm", "app", "--no-wait")
    with pytest.raises(CommandError, match="no image none"):
        run("image", "rm", "none", "--no-wait")
    vm.delete()
    run("image", "rm", "app", "--no-wait")
    assert [each.name for each in Image.objects.exclude(removed_at=None)] == ["app"]


def test_a_disk_on_the_layer_counts_also_if_others_made_its_vm(page, lab):
    make_volume(lab, "disk", UPPER, used_by=Message("volume.used_by_vm", vms=["foreign"]))
    ssd = StoragePool.objects.create(hypervisor=lab, name="ssd")
    used = Message("volume.used_by_vm", vms=["elsewhere"])
    ssd.volumes.create(name="disk", path="/ssd/disk", backing=f"/pool/{UPPER}", used_by=used)
    assert "VMs elsewhere, foreign" in delete(page, "app")


def test_one_of_two_names_of_the_same_layer_can_be_deleted(page, lab):
    make_image(lab, "alias", volume="virter:tag:alias")
    make_volume(lab, "virter:tag:alias", UPPER)
    make_vm(lab, "web", 8, image=Image.objects.get(name="app"))
    make_volume(lab, "disk", UPPER, used_by=Message("volume.used_by_vm", vms=["web"]))
    delete(page, "alias")
    assert Image.objects.get(name="alias").removed_at


def test_users_that_one_may_not_see_are_not_named(member_page, member, lab):
    Team.objects.update(role_of_all=None)
    make_team("red", {member: "manager"}, on=lab, others="")
    make_team("blue", {}, on=lab, others="")
    red, blue = Team.objects.get(name="red"), Team.objects.get(name="blue")
    Image.objects.filter(name="base").update(team=red)
    Image.objects.filter(name="app").update(team=blue)
    make_vm(lab, "secret", 8, image=Image.objects.get(name="base"), team=blue)
    shown = member_page.get("/images/").content.decode() + delete(member_page, "base")
    assert "secret" not in shown
    assert "image app" not in shown
    assert "was not deleted, because it is in use: VM a VM that you may not see; image that you may not see." in shown
