"""The Django admin: it has every model, observed rows are read-only, desired ones can be edited and are pushed."""

import pytest
from django.urls import reverse
from lxml import html

from networks.models import Network
from tests.support.making import (
    DEFAULT,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_running,
    make_vm,
)
from virterweb.hypervisors.models import Hypervisor, Secret
from virterweb.urls import admin
from vms.models import Disk, UploadPart

APPS = ("activity", "hypervisors", "networks", "notifications", "vms")
MODELS = [model for model in admin.site._registry if model._meta.app_label in APPS]


@pytest.fixture
def lab(client, operator, enqueued):
    client.force_login(operator)
    hypervisor = make_hypervisor()
    entry = "<host mac='52:54:00:00:00:08' ip='192.168.122.8'/></dhcp>"
    network = make_foreign_network(hypervisor, DEFAULT.replace("</dhcp>", entry))
    make_lease(network, "52:54:00:00:00:08", "192.168.122.8")
    make_host(network, "52:54:00:00:00:08", "192.168.122.8")
    vm = make_vm(hypervisor, image=make_image(hypervisor))
    Disk.objects.create(vm=vm, name="data", size=10)
    make_running(vm, ("default", "52:54:00:00:00:08", "vnet1"))
    return hypervisor


def test_every_model_but_secrets_and_uploads_is_in_the_admin():
    from django.apps import apps

    models = {model for label in APPS for model in apps.get_app_config(label).get_models()}
    assert models - {Secret, UploadPart} == set(MODELS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_model_can_be_listed_searched_and_opened(client, lab, model):
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    if admin.site._registry[model].search_fields:
        assert client.get(f"{address}?q=a").status_code == 200
    row = model.objects.first()
    if row is not None:
        assert client.get(address).status_code == 200
        page = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk]))
        assert page.status_code == 200
    if model.__name__.endswith("Status") or model.__name__ in ("Lease", "Volume"):
        assert b'name="_save"' not in page.content


def test_a_network_created_in_the_admin_is_pushed_like_any_other(
    client, lab, enqueued, django_capture_on_commit_callbacks
):
    none = {f"hosts-{field}": "0" for field in ("TOTAL_FORMS", "INITIAL_FORMS")}
    document = "<network><name>by-hand</name><ip address='10.7.0.1' prefix='24'/></network>"
    with django_capture_on_commit_callbacks(execute=True):
        client.post(
            "/admin/networks/network/add/",
            {"hypervisor": lab.pk, "name": "by-hand", "document": document, "on_drift": "ask", "active": "on", **none},
        )
    network = Network.objects.get(name="by-hand")
    assert (network.spec.ip_range, network.autostart, network.state) == ("10.7.0.1/24", False, "pending")
    assert enqueued[-1] == ("networks.tasks.push", network.pk)


@pytest.mark.parametrize(("action", "task"), [("request_poll", "look"), ("push_again", "push")])
def test_actions_enqueue_tasks(client, lab, enqueued, django_capture_on_commit_callbacks, action, task):
    network = Network.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/admin/networks/network/", {"action": action, "_selected_action": [network.pk]})
    assert enqueued[-1][0].endswith(f".{task}")


def test_only_operators_get_in(page, db):
    assert page.get("/admin/").status_code == 302


def test_a_hypervisor_can_be_forgotten_with_all_that_is_known_of_it(client, lab, enqueued):
    address = reverse("admin:hypervisors_hypervisor_delete", args=[lab.pk])
    page = client.get(address).content.decode()
    assert "Nothing changes in libvirt" in page
    assert "The portal forgets" in page
    assert "VMs: 1" in page
    before = len(enqueued)
    assert client.post(address, {"post": "yes"}).status_code == 302
    assert not Network.objects.exists()
    assert not Disk.objects.exists()
    assert len(enqueued) == before  # no worker is asked to remove anything


def test_several_hypervisors_are_forgotten_by_the_action(client, lab):
    make_hypervisor("lab-2")
    chosen = {"action": "delete_selected", "_selected_action": [each.pk for each in Hypervisor.objects.all()]}
    assert "Nothing changes in libvirt" in client.post("/admin/hypervisors/hypervisor/", chosen).content.decode()
    client.post("/admin/hypervisors/hypervisor/", {**chosen, "post": "yes"})
    assert not Hypervisor.objects.exists()


def test_a_network_with_very_many_reservations_is_saved_with_all_of_them(client, lab):
    hosts = "".join(f"<host mac='52:54:00:00:01:{number:02x}' ip='192.168.122.{number}'/>" for number in range(20, 140))
    network = make_foreign_network(lab, DEFAULT.replace("default", "many").replace("</dhcp>", f"{hosts}</dhcp>"))
    network.adopt()
    url = f"/admin/networks/network/{network.pk}/change/"
    forms = html.fromstring(client.get(url).content.decode()).forms
    values = dict(next(form for form in forms if form.get("id") == "network_form").form_values())
    document = values["document"].replace("</uuid>", "</uuid><title>Edited</title>")
    assert client.post(url, {**values, "document": document}).status_code == 302
    network = Network.objects.get(pk=network.pk)
    assert "Edited" in network.document
    assert network.hosts.count() == len(network.definition.hosts) == 120
