"""Definitions and observed data in the admin are shown, and changed only on the pages of the portal."""

import pytest
from lxml import html

from networks.models import Network
from tests.project.test_urls import state
from tests.support.making import make_hypervisor, make_network, make_vm
from vms.models import VM, Image

pytestmark = pytest.mark.integration
OBJECTS = ((Network, "networks/network"), (VM, "vms/vm"), (Image, "vms/image"))


@pytest.mark.parametrize(("model", "path"), OBJECTS)
@pytest.mark.parametrize("role", ["operator", "superuser"])
def test_a_definition_is_read_only_and_links_to_its_page(page_of, lab, model, path, role):
    page, row = page_of(role), model.objects.filter(hypervisor=lab, managed=True).first()
    address = f"/admin/{path}/{row.pk}/"
    shown = page.get(f"{address}change/").content.decode()
    assert f'href="{row.get_absolute_url()}"' in shown
    assert 'name="_save"' not in shown
    before = state()
    for kind in ("change/", "delete/"):
        assert page.post(f"{address}{kind}", {"name": "x", "post": "yes"}).status_code == 403
    assert page.post(f"/admin/{path}/add/", {"name": "x", "hypervisor": lab.pk}).status_code == 403
    assert state() == before


def test_the_hypervisors_of_rows_are_polled_by_an_action(page_of, lab, enqueued, django_capture_on_commit_callbacks):
    chosen = {"action": "request_poll", "_selected_action": [Network.objects.filter(hypervisor=lab).first().pk]}
    with django_capture_on_commit_callbacks(execute=True):
        page_of("operator").post("/admin/networks/network/", chosen)
    assert enqueued[-1] == ("virterweb.hypervisors.tasks.look", lab.pk)


def test_the_page_of_observed_tables_lists_them_in_groups(page_of, lab):
    shown = page_of("operator").get("/admin/observed/").content.decode()
    for name in ("Network statuses", "Leases", "VM statuses", "NIC addresses", "Console logs", "Volumes"):
        assert f">{name}</a>" in shown


def test_the_private_host_key_of_a_guest_is_not_shown(page_of, lab):
    vm = VM.objects.get(name="alma-8-8")
    VM.objects.filter(pk=vm.pk).update(host_key="PRIVATEKEY")
    assert "PRIVATEKEY" not in page_of("superuser").get(f"/admin/vms/vm/{vm.pk}/change/").content.decode()


def test_with_a_single_team_operators_see_nothing_of_teams(page, enqueued):
    hypervisor = make_hypervisor()
    network, vm = make_network(hypervisor), make_vm(hypervisor)
    rows = (f"networks/network/{network.pk}/change/", f"vms/vm/{vm.pk}/change/")
    for path in ("", "observed/", "system/", "networks/network/", "vms/vm/", "vms/image/", *rows):
        shown = html.fromstring(page.get(f"/admin/{path}").content.decode()).xpath("//main//text()")
        assert "team" not in " ".join(shown).lower(), path
