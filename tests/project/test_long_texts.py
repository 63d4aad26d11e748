"""Texts of hundreds of thousands of lines are refused by their size, at their field, before they are read."""

import time
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.db.models import CharField

from networks.changes.forms.fields import LinesField
from networks.changes.forms.network import NetworkForm
from networks.models import NetworkRevision
from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_network

pytestmark = pytest.mark.integration

LINES = [name for name, field in NetworkForm.base_fields.items() if isinstance(field, LinesField)]
# Columns that hold a format of fixed length, whoever writes them.
FIXED = {"mac": 17, "sort_key": 33, "leases_print": 32, "seed": 64, "seeds_compared": 64, "skeleton": 16}
FIXED |= {"digest": 64}
# Columns that people fill in, and that no task writes: their form refuses what is longer.
TYPED = {
    *(
        "Hypervisor.name",
        "Hypervisor.uri",
        "Hypervisor.ssh_host",
        "Hypervisor.pool",
        "Hypervisor.access_network",
        "Hypervisor.disk_cache",
    ),
    *("VM.ssh_user", "VM.console_dir", "Disk.name", "Disk.pool", "Image.name"),
    *("CatalogueEntry.name", "CatalogueEntry.note", "VMTemplate.name"),
    *("DHCPHost.name", "DHCPHost.duid", "SignInAttempt.name", "SignInAttempt.address"),
    *("Role.name", "Team.name", "Token.name"),
    *("Share.kind", "EndReminder.kind", "LastDefinition.kind"),  # names of models
}
FIELDS = [
    *(("/networks/add/", name) for name in LINES),
    *(("/networks/lab-1/net1/edit/", name) for name in ("hosts", "routes")),
    ("/networks/lab-1/net1/xml/", "document"),
    ("/networks/lab-1/net1/hosts/paste/", "text"),
    ("/vms/run/", "user_data"),
    ("/vms/run/", "ssh_keys"),
]


@pytest.fixture
def lab(client, operator, enqueued):
    client.force_login(operator)
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_three_hundred_thousand_lines_are_refused_by_their_size(client, lab, path, field):
    body = urlencode({"hypervisor": lab.pk, "name": "net2", field: "10.0.0.1\n" * 300_000})
    began = time.process_time()
    answer = client.post(path, body, content_type="application/x-www-form-urlencoded")
    assert time.process_time() - began < 3
    assert answer.status_code in (413, 422)
    if answer.status_code == 422:
        assert "at most" in " ".join(answer.context["form"].errors[field])
        assert len(answer.context["form"].errors[field]) == 1


def test_only_the_first_few_of_many_wrong_lines_are_named(client, lab):
    answer = client.post("/networks/add/", {"hypervisor": lab.pk, "name": "net2", "routes": "wrong\n" * 5000})
    errors = answer.context["form"].errors["routes"]
    assert (len(errors), errors[0][:6], errors[-1]) == (21, "Line 1", "4980 more lines have errors.")


def test_no_column_limits_a_text_that_is_composed_or_comes_from_outside():
    models = [
        model for model in apps.get_models() if model.__module__.split(".")[0] in ("networks", "vms", "virterweb")
    ]
    limited = {
        f"{model.__name__}.{field.name}": field
        for model in models
        for field in model._meta.local_fields
        if isinstance(field, CharField) and not field.choices and field.max_length
    }
    assert {name for name, field in limited.items() if FIXED.get(field.name) != field.max_length} == TYPED


def test_a_reservation_with_the_longest_legal_name_is_made(client, lab):
    name = ".".join(["a" * 63] * 3)
    typed = {"mac": "52:54:00:00:00:09", "ip": "10.255.0.9", "name": name}
    answer = client.post("/networks/lab-1/net1/hosts/add/", typed)
    assert answer.status_code == 302, answer.content.decode()
    assert name in NetworkRevision.objects.first().what
