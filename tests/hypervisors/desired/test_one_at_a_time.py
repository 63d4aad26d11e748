"""The second of two concurrent users gets an error at the field; remaining collisions show an explanation."""

from collections.abc import Callable, Iterator
from sqlite3 import SQLITE_FULL

import pytest
from django.db import IntegrityError, OperationalError
from django.http import QueryDict
from django.urls import URLResolver, get_resolver

from networks.changes.forms.network import NetworkForm
from networks.models import Network, NetworkQuerySet
from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_network, make_vm, record_volume
from vms.images.form import ImageForm
from vms.models import VM
from vms.run.form import RunForm


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


def typed(**fields: object) -> QueryDict:
    data = QueryDict(mutable=True)
    data.update({name: str(value) for name, value in fields.items()})
    return data


@pytest.mark.parametrize(
    ("field", "other"),
    [("name", {"name": "net1", "cidr": "10.9.0.1/24"}), ("ipv4", {"name": "net2", "cidr": "10.255.0.1/24"})],
)
def test_a_network_that_was_valid_a_moment_ago_is_refused_at_its_field(lab, field, other):
    form = NetworkForm(typed(hypervisor=lab.pk, name="net1", ipv4="10.255.0.1/24"), user=None)
    assert form.is_valid()
    make_network(lab, **other)
    assert form.save() is None
    assert list(form.errors) == [field]
    assert Network.objects.filter(managed=True).count() == 1


@pytest.mark.parametrize(("field", "name"), [("number", "other"), ("name", "alma-8-8")])
def test_a_vm_that_was_valid_a_moment_ago_is_refused_at_its_field(lab, field, name):
    fields = {"image": "alma-8", "number": 8, "memory": 1024, "vcpus": 1, "boot_size": 10}
    form = RunForm(typed(hypervisor=lab.pk, **fields), user=None)
    assert form.is_valid()
    make_vm(lab, name, 8 if field == "number" else 9)
    assert form.save() == []
    assert list(form.errors) == [field]
    assert VM.objects.count() == 1


def test_an_image_that_was_valid_a_moment_ago_is_refused_at_its_field(lab):
    record_volume(lab, "disk", path="/pool/disk", format="qcow2")
    form = ImageForm(typed(hypervisor=lab.pk, name="new", volume="disk"), {}, user=None)
    assert form.is_valid()
    make_image(lab, "new")
    assert form.save() is None
    assert list(form.errors) == ["name"]


def full(code: dict[str, object]) -> OperationalError:
    """Return the error of Django for a driver's error with such a code."""
    problem = OperationalError("database or disk is full")
    problem.__cause__ = type("Full", (Exception,), code)()
    return problem


@pytest.mark.parametrize("path", ["/vms/lab-1/alma-8-8/start/", "/vms/run/", "/networks/"])
@pytest.mark.parametrize(
    ("problem", "status", "said"),
    [
        (IntegrityError("UNIQUE constraint failed: x.y"), 409, "Your change was not saved"),
        (OperationalError("database is locked"), 503, "The database did not answer in time."),
        (full({"sqlite_errorcode": SQLITE_FULL}), 503, "The disk of the database has no free space"),
        (full({"sqlstate": "53100"}), 503, "The disk of the database has no free space"),
    ],
)
def test_a_remaining_collision_is_reported_in_a_sentence(page, lab, monkeypatch, path, problem, status, said):
    make_vm(lab)

    def fail(*args: object, **kwargs: object) -> None:
        raise problem

    monkeypatch.setattr(VM, "ask_power", fail)
    monkeypatch.setattr(VM, "save", fail)
    monkeypatch.setattr(NetworkQuerySet, "shown", fail)
    fields = {"hypervisor": lab.pk, "image": "alma-8", "number": 9, "memory": 1024, "vcpus": 1, "boot_size": 10}
    answer = page.get(path) if path == "/networks/" else page.post(path, fields)
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert "UNIQUE" not in answer.content.decode()


def views(patterns, prefix: str = "") -> Iterator[tuple[str, Callable]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, f"{prefix}{pattern.pattern}")
        else:
            yield f"{prefix}{pattern.pattern}", pattern.callback


def test_each_url_of_an_object_takes_the_lock_unless_exempt():
    free = {
        path.rstrip("/").rsplit("/", 1)[-1]
        for path, view in views(get_resolver().url_patterns)
        if ("hypervisor" in path or path.startswith("admin/")) and not hasattr(view, "takes_lock")
    }
    assert free <= {"preview", "paste"}
