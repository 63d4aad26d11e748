"""Templates whose stored values are any JSON: pages, files and commands show what can be read, and say what cannot."""

import pytest
from django.core.management.base import CommandError
from django.db.models import JSONField, Value
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.project.commands.running_commands import run
from tests.support.examples import examples
from tests.vms.run.test_similar import sent
from tests.vms.templates.test_saving import filled
from vms.models import VM, VMTemplate
from vms.models.vm.template_values import DISK_FIELDS, FIELDS, NIC_FIELDS, read
from vms.run.disk_form import DiskForm
from vms.run.form import PLAIN
from vms.run.similar import values_of

pytestmark = pytest.mark.integration

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
PLAIN_JSON = st.none() | st.booleans() | st.integers(-(2**63), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
ANY = st.recursive(
    PLAIN_JSON | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def objects(fields) -> st.SearchStrategy:
    """Return objects of which each field is missing or any JSON, with unknown fields."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys((*fields, "unknown"), ANY))


ROWS = {"nics": objects(NIC_FIELDS), "disks": objects(DISK_FIELDS)}
ALMOST = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys((*FIELDS, "unknown", "hypervisor", "left", "missing", "count", "base", "template"), ANY)
    | {name: ANY | st.lists(ANY | row, max_size=3) for name, row in ROWS.items()},
)
STORED = ANY | ALMOST
PAGES = (
    *("/vms/templates/", "/vms/templates.csv", "/vms/templates.json", "/vms/templates/?q=a", "/search/?q=we"),
    *(f"/vms/templates/?sort={column}" for column in ("image", "-memory", "vcpus", "networks", "owner")),
    *(f"/vms/templates/lab/web/{verb}/" for verb in ("edit", "share", "delete")),
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=STORED)
@example(stored={"nics": ["net1", None, {"network": 5}], "disks": {"name": "data"}, "memory": "2048"})
@example(stored={"nics": [{"network": None}], "disks": [{}], "memory": 2**64, "vcpus": True, "image": ["alma-8"]})
@example(stored={"user_data": 5, "arch": {}, "console_dir": [], "vnc_bind": 1, "disks": [{"pool": 1}, [], None]})
def test_every_page_and_command_of_templates_answers(page, lab, template, stored):
    VMTemplate.objects.update(fields=Value(stored, JSONField()))
    for path in (*PAGES, f"/vms/run/?template=web&hypervisor={lab.pk}&count=2"):
        assert page.get(path).status_code == 200, (path, stored)
    edit = "/vms/templates/lab/web/edit/"
    assert page.post(edit, filled(page.get(edit)) | {"image": "none"}).status_code == 422
    assert "web" in run("template", "ls")
    with pytest.raises(CommandError):
        run("vm", "run", "--template", "web", "--no-wait", "none")
    assert not VM.objects.exists()


def test_what_cannot_be_read_is_said_and_the_rest_is_used(page, lab, template):
    odd = {"memory": "2048", "nics": ["net1", {"network": "net1", "metric": "x"}], "disks": "data", "note": 1}
    VMTemplate.objects.update(fields=template.fields | odd)
    answer = page.get(f"/vms/run/?template=web&hypervisor={lab.pk}")
    text = "Values of web that cannot be read are left out: memory, NIC 2, NIC 3: metric, disks."
    assert [str(each) for each in answer.context["form"].initial["missing"]] == [text]
    values = sent(page, f"/vms/run/?template=web&hypervisor={lab.pk}")
    assert (values["image"], values["vcpus"], values["nic_network"]) == (["alma-8"], ["2"], ["net1"])
    (row,) = page.get("/vms/templates.json").json()
    assert (row["image"], row["memory_mib"], row["networks"], row["disks"]) == ("alma-8", None, ["default", "net1"], [])
    VMTemplate.objects.update(fields=["alma-8"])
    answer = page.get(f"/vms/run/?template=web&hypervisor={lab.pk}")
    assert "Values of web that cannot be read are left out: all values." in answer.content.decode()


def test_all_that_is_saved_is_read(vm):
    saved = values_of(vm, vm.nics.filter(position__gt=0), [])
    saved["disks"] = [dict.fromkeys(DiskForm.FIELDS, "x")]
    assert {*PLAIN} <= {*saved}
    for nic in saved["nics"]:
        assert nic.pop("metric") is None
    found = read(saved)
    assert (found.fields, found.unreadable) == (saved, ())


@given(stored=STORED)
def test_what_was_read_is_read_the_same_again(stored):
    found = read(stored).fields
    assert (read(found).fields, read(found).unreadable) == (found, ())


@pytest.mark.parametrize("text", ["a\0", "\ud800", "\udfff a"])
def test_text_that_no_page_or_database_can_hold_is_not_read(text):
    found = read({"image": text, "user_data": text, "nics": [{"network": text}]})
    assert found.fields == {"nics": [{}], "disks": []}
    assert found.unreadable == ("image", "user data", "NIC 2: network")
