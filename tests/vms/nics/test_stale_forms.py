"""A form that was opened before somebody else's change does not undo that change."""

from dataclasses import replace

import pytest

from tests.support.shown import as_shown
from vms.definition.nics.spec import NICSpec
from vms.models import VM

from . import test_pages as test_nic_pages
from .test_pages import SECOND, again

lab, vm = test_nic_pages.lab, test_nic_pages.vm


def change(vm: VM, **values: object) -> None:
    now, _ = again(vm).desired_nic(SECOND)
    again(vm).change_nic(replace(now, **values))


def nic(vm: VM) -> NICSpec:
    return again(vm).desired_nic(SECOND)[0]


def test_a_field_of_a_nic_that_another_changed_is_not_changed_back(page, vm):
    path = f"{vm.get_absolute_url()}nics/{SECOND}/edit/"
    typed = as_shown(page.get(path), "//form[.//input[@name='link_up']]") | {"mtu": ["1400"]}
    change(vm, link_up=False, isolated=True)
    answer = page.post(path, typed)
    assert answer.status_code == 409
    assert "Somebody else changed “Link up” from on to empty." in answer.content.decode()
    assert nic(vm).mtu is None
    merged = as_shown(answer, "//form[.//input[@name='link_up']]")
    assert "link_up" not in merged
    assert page.post(path, merged).status_code == 302
    found = nic(vm)
    assert (found.mtu, found.link_up, found.isolated) == (1400, False, True)


def test_a_nic_that_another_moved_stays_where_it_is_now(page, vm):
    path = f"{vm.get_absolute_url()}nics/{SECOND}/edit/"
    typed = as_shown(page.get(path), "//form[.//input[@name='link_up']]") | {"isolated": ["on"]}
    change(vm, source="net2")
    answer = page.post(path, typed)
    assert answer.status_code == 409
    assert page.post(path, as_shown(answer, "//form[.//input[@name='link_up']]")).status_code == 302
    assert (nic(vm).source, nic(vm).isolated) == ("net2", True)


@pytest.mark.parametrize("base", ["", "[]", "{", "[" * 100_000, '{"memory": {}}'])
def test_an_invalid_base_of_a_form_is_ignored(page, vm, base):
    page.post(f"{vm.get_absolute_url()}size/", {"memory": 512, "vcpus": 1, "base": base})
    assert page.get(vm.get_absolute_url()).status_code == 200


def test_vcpus_that_another_changed_stay_when_memory_is_changed(page, vm):
    path = f"{vm.get_absolute_url()}size/"
    typed = as_shown(page.get(path)) | {"memory": ["2048"]}
    again(vm).resize(vm.memory, 4)
    answer = page.post(path, typed)
    assert answer.status_code == 409
    assert "Somebody else changed “vCPUs” from 1 to 4." in answer.content.decode()
    assert page.post(path, as_shown(answer)).status_code == 302
    assert (again(vm).memory, again(vm).vcpus) == (2048, 4)
