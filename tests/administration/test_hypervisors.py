"""Hypervisors in the admin: settings by their operators, a test of the connection, and what deletion forgets."""

import pytest
from django.utils import timezone
from lxml import html

from networks.models import Network
from virterweb.activity.models import Entry
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.messages import Message
from vms.models import VM

pytestmark = pytest.mark.integration
BASE = "/admin/hypervisors/hypervisor/"


def sent(page, path: str, **typed: object) -> dict[str, object]:
    """Return what a browser sends for the form of a hypervisor."""
    forms = html.fromstring(page.get(path).content.decode()).forms
    return dict(next(each for each in forms if each.get("id") == "hypervisor_form").form_values()) | typed


def test_an_operator_changes_the_settings_of_the_own_hypervisor_but_not_where_it_is(page_of, lab):
    page, path = page_of("operator"), f"{BASE}{lab.pk}/change/"
    typed = {"name": "renamed", "uri": "qemu+ssh://root@elsewhere/system", "shutdown_timeout": 45}
    assert page.post(path, sent(page, path, **typed)).status_code == 302
    found = Hypervisor.objects.get(pk=lab.pk)
    assert (found.name, found.uri, found.shutdown_timeout) == ("lab", lab.uri, 45)
    entry = Entry.objects.filter(hypervisor="lab", event="edited").first()
    assert (entry.who, entry.about["fields"]) == ("operator", ["Shutdown timeout in seconds"])


@pytest.mark.parametrize("role", ["operator of all", "superuser"])
def test_operators_of_all_move_a_hypervisor_to_another_uri(page_of, lab, role):
    page, path = page_of(role), f"{BASE}{lab.pk}/change/"
    assert page.post(path, sent(page, path, uri="qemu:///system")).status_code == 302
    assert Hypervisor.objects.get(pk=lab.pk).uri == "qemu:///system"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"uri": "qemu+ext:///system?command=/tmp/x"}, "uri"),
        ({"uri": "qemu+ssh://lab7/system?command=/tmp/x"}, "uri"),
        ({"uri": "qemu+ssh://root:secret@lab7/system"}, "uri"),
        ({"uri": "qemu:///system?unknown=1"}, "uri"),
        ({"uri": "xen:///system"}, "uri"),
        ({"name": "a/b"}, "name"),
        ({"name": "run"}, "name"),
        ({"name": "lab"}, "name"),
        ({"name": "l\u200bab"}, "name"),
    ],
)
def test_names_and_uris_are_validated(page_of, lab, typed, field):
    page = page_of("superuser")
    values = sent(page, f"{BASE}add/", name="new", uri="qemu:///system") | typed
    answer = page.post(f"{BASE}add/", values)
    assert answer.context["adminform"].form.errors.keys() == {field}
    assert Hypervisor.objects.filter(uri="test:///default").count() == Hypervisor.objects.count()


def test_a_test_of_the_connection_asks_a_worker_and_shows_the_result(
    page_of, lab, enqueued, django_capture_on_commit_callbacks
):
    page = page_of("operator")
    with django_capture_on_commit_callbacks(execute=True):
        answer = page.post(f"{BASE}{lab.pk}/test/")
    assert answer["Location"] == f"{BASE}{lab.pk}/change/"
    assert enqueued[-1] == ("virterweb.hypervisors.tasks.look", lab.pk)
    waiting = page.get(answer["Location"]).content.decode()
    assert "A worker is polling the hypervisor." in waiting
    assert f'hx-get="{BASE}{lab.pk}/connection/"' in waiting
    now = timezone.now()
    done = {"asked_at": now, "began_at": now, "observed_at": now, "seconds": 0.25}
    HypervisorStatus.objects.filter(hypervisor=lab).update(**done, host_name="lab7.example", version="libvirt 9.0.0")
    shown = page.get(f"{BASE}{lab.pk}/connection/").content.decode()
    assert all(text in shown for text in ("The connection works.", "lab7.example", "libvirt 9.0.0", "0.25 s"))
    assert "hx-get" not in shown


def test_a_failed_test_shows_the_error_of_the_portal_and_that_of_libvirt(page_of, lab):
    now = timezone.now()
    failed = {"error": Message("activity.hypervisor_deleted"), "detail": "Failed to connect socket <x>"}
    HypervisorStatus.objects.filter(hypervisor=lab).update(asked_at=now, began_at=now, **failed)
    shown = page_of("operator").get(f"{BASE}{lab.pk}/connection/").content.decode()
    assert "The hypervisor was deleted before this was carried out." in shown
    assert "Failed to connect socket &lt;x&gt;" in shown


def test_deletion_says_what_the_portal_forgets_and_what_stays_in_libvirt(page_of, lab):
    shown = " ".join(page_of("superuser").get(f"{BASE}{lab.pk}/delete/").content.decode().split())
    for text in (
        *(
            "Deleted in the portal",
            "1 network definition",
            "1 VM definition",
            "1 image definition",
            "1 DHCP reservation",
        ),
        *("1 lease of the lease history", "1 console log", "grants of teams", "Unchanged in libvirt"),
        *("2 networks", "1 running VM, which keeps running", "1 VM that is off", "Delete lab"),
    ):
        assert text in shown, text
    assert "Entries of the activity log are kept." in shown


@pytest.mark.parametrize("typed", [{}, {"typed": ""}, {"typed": "LAB"}, {"typed": "elsewhere"}, {"typed": "lab "}])
def test_without_the_name_nothing_is_deleted(page_of, lab, typed):
    answer = page_of("superuser").post(f"{BASE}{lab.pk}/delete/", {"post": "yes", **typed})
    assert answer.status_code == 422
    assert "Nothing was deleted." in answer.content.decode()
    assert Hypervisor.objects.filter(pk=lab.pk).exists()


def test_with_the_name_the_portal_forgets_all_and_asks_no_worker(page_of, lab, enqueued):
    before = len(enqueued)
    assert page_of("superuser").post(f"{BASE}{lab.pk}/delete/", {"post": "yes", "typed": "lab"}).status_code == 302
    assert not Hypervisor.objects.filter(pk=lab.pk).exists()
    assert not Network.objects.filter(hypervisor=lab.pk).exists()
    assert not VM.objects.exists()
    assert len(enqueued) == before
    entry = Entry.objects.filter(hypervisor="lab", name="").first()
    assert (entry.who, entry.what, entry.result) == ("superuser", "deleted", "done")


def test_several_are_not_deleted_at_once(page_of, lab):
    page = page_of("superuser")
    assert "delete_selected" not in page.get(BASE).content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [each.pk for each in Hypervisor.objects.all()]}
    before = Hypervisor.objects.count()
    page.post(BASE, {**chosen, "post": "yes"})
    assert Hypervisor.objects.count() == before


def test_the_operator_of_one_hypervisor_neither_adds_nor_deletes_one(page_of, lab):
    page = page_of("operator")
    for path in (f"{BASE}add/", f"{BASE}{lab.pk}/delete/"):
        assert page.get(path).status_code == 403
        answer = page.post(path, {"post": "yes", "typed": "lab", "name": "new", "uri": "test:///default"})
        assert answer.status_code == 403
    assert set(Hypervisor.objects.values_list("name", flat=True)) == {"lab", "elsewhere"}
