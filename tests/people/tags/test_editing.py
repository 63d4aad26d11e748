"""Tags of one VM or network: who edits them, what is kept, and what is in the activity log."""

import pytest
from lxml import html

from networks.models import Network
from tests.support.making import make_foreign_network, make_vm
from tests.support.shown import as_shown
from virterweb.activity.models import Entry
from vms.models import VM

pytestmark = pytest.mark.integration
PAGE = "/vms/lab/vm-1/tags/"


def tags(model: type = VM, name: str = "vm-1") -> tuple[str, ...]:
    return model.objects.get(name=name).tag_names


@pytest.mark.parametrize(("path", "model"), [(PAGE, VM), ("/networks/lab/net1/tags/", Network)])
def test_saved_tags_are_on_the_page_and_in_the_log_and_nothing_is_carried_out(browse, vm, network, path, model):
    name, before = path.split("/")[3], model.objects.get(name=path.split("/")[3]).generation
    answer = browse("otto").post(path, {"tags": "Web, db"}, follow=True)
    facts = html.fromstring(answer.content).xpath("//dl[@class='facts']//a[contains(@class, 'tag ')]")
    assert [(link.text, link.get("href")) for link in facts] == [
        (tag, f"/{path.split('/')[1]}/?tag={tag}") for tag in ("db", "web")
    ]
    assert model.objects.get(name=name).generation == before
    entry = Entry.objects.get(event="tagged")
    assert (entry.what, entry.who, entry.result) == ("tags: +db, +web", "otto", "done")


def test_the_form_shows_the_tags_and_saving_it_untouched_changes_nothing(browse, vm):
    vm.change_tags(add=["web", "db"])
    shown = browse("otto").get(PAGE)
    assert as_shown(shown)["tags"] == ["db web"]
    browse("otto").post(PAGE, as_shown(shown))
    assert tags() == ("db", "web")
    assert Entry.objects.filter(event="tagged").count() == 1


def test_tags_are_replaced_by_those_of_the_form_and_an_empty_form_removes_them(browse, vm):
    vm.change_tags(add=["web", "old"])
    browse("otto").post(PAGE, as_shown(browse("otto").get(PAGE)) | {"tags": "web new"})
    assert tags() == ("new", "web")
    assert Entry.objects.filter(event="tagged").latest("pk").what == "tags: +new, -old"
    browse("otto").post(PAGE, as_shown(browse("otto").get(PAGE)) | {"tags": " , , "})
    assert tags() == ()


def test_what_others_change_while_the_form_is_open_stays(browse, vm):
    vm.change_tags(add=["web", "old"])
    shown = as_shown(browse("otto").get(PAGE))
    vm.change_tags(add=["theirs"], remove=["web"])
    browse("otto").post(PAGE, shown | {"tags": "web new"})
    assert tags() == ("new", "theirs")


@pytest.mark.parametrize("typed", ["<b>", "🦊", "x" * 300, " ".join(f"t{number}" for number in range(1000))])
def test_what_cannot_be_saved_is_said_at_the_field_and_typed_text_stays(browse, vm, typed):
    answer = browse("otto").post(PAGE, {"tags": typed})
    page = html.fromstring(answer.content)
    assert answer.status_code == 422
    assert page.xpath("//input[@name='tags']/@value") == [typed]
    assert len(page.xpath("string(//div[@class='error'])")) < 250
    assert "<b>”" not in answer.content.decode()
    assert tags() == ()


def test_more_than_twenty_are_refused_also_if_others_have_added_some(browse, vm):
    vm.change_tags(add=[f"t{number}" for number in range(15)])
    answer = browse("otto").post(PAGE, {"tags": "a b c d e f", "before": ""})
    assert "21 tags are too many. An object has at most 20." in answer.content.decode()
    assert len(tags()) == 15


def test_a_viewer_sees_the_tags_and_is_told_whom_to_ask_and_for_a_stranger_there_is_no_vm(browse, vm):
    vm.change_tags(add=["web"])
    page = browse("rita").get("/vms/lab/vm-1/").content.decode()
    assert "?tag=web" in page
    assert PAGE not in page
    answer = browse("rita").post(PAGE, {"tags": "x"})
    assert answer.status_code == 403
    assert "Ask otto, who owns it, or an operator." in answer.content.decode()
    assert browse("gina").post(PAGE, {"tags": "x"}).status_code == 404
    assert tags() == ("web",)


def test_tags_that_others_use_on_what_a_user_may_not_see_are_not_suggested(browse, vm, network, hidden):
    vm.change_tags(add=["web"])
    network.change_tags(add=["db"])
    shown = html.fromstring(browse("otto").get(PAGE).content)
    assert shown.xpath("//datalist/option/@value") == ["web db"]
    assert html.fromstring(browse("otto").get("/networks/lab/net1/tags/").content).xpath("//option/@value") == [
        "db web"
    ]


def test_an_unmanaged_object_has_tags_which_stay_when_it_is_adopted_and_released(page, lab):
    network = make_foreign_network(lab)
    page.post("/networks/lab/default/tags/", {"tags": "web"})
    assert tags(Network, "default") == ("web",)
    Network.objects.get(pk=network.pk).adopt(None)
    assert tags(Network, "default") == ("web",)
    Network.objects.get(pk=network.pk).release(None)
    assert tags(Network, "default") == ("web",)


def test_a_save_of_a_vm_that_was_read_before_does_not_bring_old_tags_back(vm):
    early = VM.objects.get(pk=vm.pk)
    vm.change_tags(add=["web"])
    early.memory = 2048
    early.save()
    assert tags() == ("web",)
    early.save(update_fields=["memory", "tags"])
    assert tags() == ("web",)


def test_what_is_being_deleted_keeps_its_tags(browse, vm):
    vm.remove()
    answer = browse("otto").post(PAGE, {"tags": "web"}, follow=True)
    assert "vm-1 is being deleted." in answer.content.decode()
    assert tags() == ()


def test_a_new_vm_has_no_tags(lab):
    assert make_vm(lab, "vm-2", 10).tag_names == ()
