"""Who sees, runs, edits and deletes templates, and their list as a page and as a file."""

import csv

import pytest
from django.contrib.auth import get_user_model

from tests.support.making import make_hypervisor
from virterweb.people.models import Share
from vms.models import VMTemplate

RUN = "/vms/run/?template=web&hypervisor={}"


def statuses(page, lab) -> list[int]:
    pages = (RUN.format(lab.pk), *(f"/vms/templates/lab/web/{verb}/" for verb in ("edit", "share", "delete")))
    return [page.get(each).status_code for each in pages]


@pytest.mark.parametrize(
    ("name", "run", "change"), [("viewer", 403, 403), ("user", 200, 403), ("owner", 200, 200), ("manager", 200, 200)]
)
def test_members_run_templates_and_creator_and_managers_change_them(browse, lab, template, name, run, change):
    page = browse(name)
    assert statuses(page, lab) == [run, change, change, change]
    shown = page.get("/vms/templates/").content.decode()
    assert "alma-8" in shown
    assert (">Edit</a>" in shown, "Delete web" in shown, ">Run</a>" in shown) == (
        change == 200,
        change == 200,
        run == 200,
    )
    deleted = page.post("/vms/templates/lab/web/delete/").status_code
    assert (deleted, VMTemplate.objects.count()) == ((302, 0) if change == 200 else (403, 1))


def test_a_refusal_says_whom_to_ask(browse, template):
    answer = browse("user").get("/vms/templates/lab/web/edit/")
    assert "You may not edit web. Ask owner, who owns it, or an operator." in answer.content.decode()


def test_templates_of_others_do_not_exist(browse, lab, template):
    page = browse("stranger")
    assert statuses(page, lab) == [404] * 4
    assert ">web<" not in page.get("/vms/templates/").content.decode()
    assert page.get("/vms/templates.json").json() == []


def test_the_name_of_a_hidden_template_is_taken_without_saying_by_what(browse, lab, template):
    lab.images.update(team=None)
    sent = {"hypervisor": lab.pk, "template": "web", "image": "alma-8", "memory": "1", "vcpus": "1", "boot_size": "1"}
    answer = browse("stranger").post("/vms/templates/add/", sent)
    assert answer.context["form"].errors["template"] == ["The name web is taken."]


def test_a_shared_template_is_run_but_not_changed(browse, lab, template):
    stranger = get_user_model().objects.get(username="stranger")
    Share.objects.create(kind="vmtemplate", object_id=template.pk, user=stranger, level="user")
    assert statuses(browse("stranger"), lab) == [200, 403, 403, 403]


def test_a_template_is_shared_and_handed_over_on_its_page(browse, lab, template):
    page, path = browse("owner"), "/vms/templates/lab/web/share/"
    assert "Share web" in page.get(path).content.decode()
    page.post(path, {"do": "share", "share-user": "viewer", "share-level": "user"})
    assert Share.objects.get().kind == "vmtemplate"
    assert page.post(path, {"do": "hand-over", "new-user": "user"}).status_code == 302
    template.refresh_from_db()
    assert template.owner.username == "user"
    assert browse("user").get("/vms/templates/lab/web/edit/").status_code == 200
    template.delete()
    assert not Share.objects.exists()


def test_the_list_shows_what_vms_get_and_is_filtered_and_sorted(page, lab, template):
    VMTemplate.objects.create(hypervisor=lab, name="db", fields={"image": "debian-12", "memory": 512, "vcpus": 8})
    other = make_hypervisor("other")
    VMTemplate.objects.create(hypervisor=other, name="mail", fields={"image": "alma-8", "memory": 16384})

    def names(query: str) -> list[str]:
        return [each.name for each in page.get(f"/vms/templates/?{query}").context["table"].rows]

    assert names("") == ["db", "mail", "web"]
    assert names("sort=-memory") == ["mail", "web", "db"]
    assert names("q=debian") == names("q=db") == ["db"]
    assert names("hypervisor=other") == ["mail"]
    assert names("sort=vcpus") == ["mail", "web", "db"]
    assert "No template matches “none”" in page.get("/vms/templates/?q=none").content.decode()
    shown = page.get("/vms/templates/").content.decode()
    assert "2048 MiB" in shown
    assert "default, net1" in shown


def test_the_list_is_exported(page, template):
    (row,) = page.get("/vms/templates.json").json()
    assert row == {
        **{"hypervisor": "lab", "name": "web", "image": "alma-8", "memory_mib": 2048, "vcpus": 2, "boot_gib": 20},
        **{"networks": ["default", "net1"], "disks": [], "owner": "owner"},
    }
    (row,) = csv.DictReader(page.get("/vms/templates.csv").content.decode().splitlines())
    assert (row["name"], row["networks"]) == ("web", "default net1")
    assert "geheim" not in page.get("/vms/templates.csv").content.decode()


def test_an_empty_list_says_how_to_add_the_first_template(page, lab):
    assert "No templates yet." in page.get("/vms/templates/").content.decode()
    assert '<a class="button" href="/vms/templates/">Templates</a>' in page.get("/vms/").content.decode()
