"""Templates are saved from a VM and from the form that runs VMs, edited, renamed and deleted."""

import pytest
from lxml import html

from tests.support.making import make_hypervisor, make_vm
from tests.vms.run.form.run_form import GOOD
from virterweb.activity.models import Entry
from vms.models import VM, VMTemplate

ADD = "/vms/templates/add/"


def filled(answer) -> dict[str, list[str]]:
    """Return what a browser would send of the form of a template."""
    (form,) = html.fromstring(answer.content).xpath("//form[.//button[text()='Save template']]")
    values: dict[str, list[str]] = {}
    for field in form.inputs:
        if field.get("type") != "checkbox" or field.checked:
            value = field.value or ""
            values.setdefault(field.name, []).append(value.removeprefix("\n") if field.tag == "textarea" else value)
    return values


def errors(answer) -> dict[str, str]:
    return {field: " ".join(texts) for field, texts in answer.context["form"].errors.items()}


def test_a_vm_is_saved_as_a_template_with_what_another_vm_can_have(page, lab, vm, user):
    menu = html.fromstring(page.get(vm.get_absolute_url()).content)
    (path,) = menu.xpath("//a[text()='Save as template']/@href")
    shown = page.get(path)
    assert filled(shown)["template"] == ["web"]
    assert page.post(ADD, filled(shown)).url == "/vms/templates/"
    template = VMTemplate.objects.get()
    assert (template.name, template.owner, template.team, template.fields["image"]) == ("web", user, vm.team, "alma-8")
    same = ("memory", "vcpus", "boot_size", "ssh_user", "ssh_keys", "user_data", "console_log")
    assert {name: template.fields[name] for name in same} == {name: getattr(vm, name) for name in same}
    assert template.fields["vnc_by_id"] is True
    assert [nic.get("network") or nic["bridge"] for nic in template.fields["nics"]] == ["net1", "br0"]
    assert template.fields["disks"] == [
        {"name": "data", "size": "1536M", "format": "qcow2", "bus": "scsi", "pool": ""},
    ]
    assert "52:54:00:80" not in str(template.fields)
    assert (Entry.objects.latest("pk").kind, Entry.objects.latest("pk").what) == ("template", "added")


def test_the_form_that_runs_vms_is_saved_as_a_template_and_runs_nothing(page, lab):
    sent = {**GOOD, "hypervisor": lab.pk, "name": "db-8", "memory": "512", "nic_network": ["net1"], "number": "8"}
    form = html.fromstring(page.get("/vms/run/").content)
    assert form.xpath("//button[text()='Save as template']/@formaction") == [ADD]
    asked = page.post(ADD, sent)
    assert (asked.status_code, VMTemplate.objects.count()) == (200, 0)
    assert filled(asked)["template"] == ["db"]
    assert page.post(ADD, filled(asked)).status_code == 302
    template = VMTemplate.objects.get()
    assert (template.name, template.fields["memory"]) == ("db", 512)
    assert [nic["network"] for nic in template.fields["nics"]] == ["net1"]
    assert not VM.objects.exists()


def test_a_template_is_saved_whether_or_not_the_id_of_the_form_is_free(page, lab):
    make_vm(lab, "other", 8)
    assert page.post(ADD, {**GOOD, "hypervisor": lab.pk, "template": "db"}).status_code == 302
    assert VMTemplate.objects.get().name == "db"


@pytest.mark.parametrize(
    ("values", "field", "text"),
    [
        ({"template": ""}, "template", "This field is required."),
        ({"template": "a b"}, "template", "Use letters, digits, dashes and dots"),
        ({"template": "a/b"}, "template", "/"),
        ({"template": "x" * 51}, "template", "50"),
        ({"template": "web"}, "template", "lab already has a template web."),
        ({"image": "none"}, "image", "This hypervisor has no image none."),
        ({"memory": "0"}, "memory", "greater than or equal to 1"),
        ({"user_data": "hello"}, "user_data", ""),
        ({"hypervisor": "99"}, "hypervisor", ""),
    ],
)
def test_invalid_values_are_refused_at_their_fields_and_nothing_is_stored(page, lab, template, values, field, text):
    answer = page.post(ADD, {**GOOD, "hypervisor": lab.pk, "template": "db", **values})
    assert answer.status_code == 422
    assert text in errors(answer)[field]
    assert VMTemplate.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "field", "text"),
    [
        ({"mac": "52:54:00:aa:00:01"}, "mac", "VMs of a template cannot share a MAC. Leave it empty."),
        (
            {"guest": "static", "guest_addresses": "10.255.0.9/24"},
            "guest_addresses",
            "VMs of a template cannot share an address. Leave it empty.",
        ),
    ],
)
def test_what_only_one_vm_can_have_is_refused(page, lab, row, field, text):
    sent = {f"nic_{name}": [value] for name, value in ({"network": "net1"} | row).items()}
    answer = page.post(ADD, {**GOOD, "hypervisor": lab.pk, "template": "db", **sent})
    assert answer.status_code == 422
    assert answer.context["form"].nics[0].errors[field] == [text]
    assert not VMTemplate.objects.exists()


def test_names_are_free_on_another_hypervisor(page, lab, template):
    other = make_hypervisor("other")
    lab.images.update(hypervisor=other)
    assert page.post(ADD, {**GOOD, "hypervisor": other.pk, "template": "web"}).status_code == 302
    assert VMTemplate.objects.filter(name="web").count() == 2


def test_a_row_is_added_to_the_form_and_keeps_what_was_typed(page, lab):
    answer = page.post(ADD, {**GOOD, "hypervisor": lab.pk, "template": "db", "memory": "77", "change": "add-nic"})
    assert (answer.status_code, filled(answer)["memory"], len(filled(answer)["nic_network"])) == (200, ["77"], 1)
    answer = page.post(ADD, {**filled(answer), "change": "drop-nic-0"}, headers={"HX-Request": "true"})
    assert b"<h1>" not in answer.content
    assert "nic_network" not in filled(answer)


def test_a_template_is_edited_and_renamed_by_the_same_form(page, template):
    path = "/vms/templates/lab/web/edit/"
    shown = page.get(path)
    assert filled(shown)["nic_network"] == ["net1"]
    assert "geheim" in filled(shown)["user_data"][0]
    page.post(path, filled(shown) | {"template": "shop", "memory": "4096"})
    changed = VMTemplate.objects.get()
    assert (changed.pk, changed.name, changed.fields["memory"], changed.fields["vcpus"]) == (
        template.pk,
        "shop",
        4096,
        2,
    )
    assert (changed.owner, changed.team) == (template.owner, template.team)
    assert Entry.objects.latest("pk").what == "edited, and renamed from web"
    page.post("/vms/templates/lab/shop/edit/", filled(page.get("/vms/templates/lab/shop/edit/")))
    assert Entry.objects.latest("pk").what == "edited"


def test_a_template_stays_on_its_hypervisor(page, template):
    other = make_hypervisor("other")
    sent = filled(page.get("/vms/templates/lab/web/edit/")) | {"hypervisor": other.pk}
    assert page.post("/vms/templates/lab/web/edit/", sent).status_code == 422
    assert VMTemplate.objects.get().hypervisor.name == "lab"


def test_a_deleted_template_leaves_the_vms_that_were_run_from_it(page, lab, template):
    vm = make_vm(lab, "web-8")
    assert "stay as they are" in page.get("/vms/templates/lab/web/delete/").content.decode()
    assert page.post("/vms/templates/lab/web/delete/").url == "/vms/templates/"
    assert not VMTemplate.objects.exists()
    assert VM.objects.get() == vm
    assert Entry.objects.latest("pk").what == "deleted"


@pytest.mark.parametrize("verb", ["edit", "share", "delete"])
def test_a_missing_template_is_not_found(page, lab, verb):
    assert page.get(f"/vms/templates/lab/none/{verb}/").status_code == 404
    assert page.post(f"/vms/templates/nowhere/none/{verb}/").status_code == 404


@pytest.mark.parametrize("query", ["like=none&hypervisor={pk}", "like=web-8", "like=web-8&hypervisor=x"])
def test_a_missing_vm_cannot_be_saved(page, lab, vm, query):
    assert page.get(f"{ADD}?{query.format(pk=lab.pk)}").status_code == 404
