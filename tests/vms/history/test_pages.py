"""The history on pages and on the command line."""

from io import StringIO

from django.core.management import call_command
from lxml import html

from tests.support.making import make_image, make_vm

from .restoring import SECOND


def test_the_history_lists_events_users_and_changes(page, user, vm):
    vm.resize(2048, 1, by=user)
    rows = html.fromstring(page.get("/vms/lab-1/alma-8-8/history/").content.decode()).xpath("//tbody/tr")
    texts = [[" ".join(cell.text_content().split()) for cell in row] for row in rows]
    assert [row[1:] for row in texts][:2] == [
        ["mira", "memory and vCPUs edited", "Memory: 1024 MiB → 2048 MiB", "in progress"],
        ["", f"NIC {SECOND} added", f"NIC {SECOND}: – → net1", "in progress"],
    ]
    out = StringIO()
    call_command("vm", "history", "alma-8-8", stdout=out)
    assert "memory and vCPUs edited in progress Memory: 1024 MiB → 2048 MiB" in " ".join(out.getvalue().split())


def test_a_vm_without_history_has_an_empty_page(page, lab):
    make_vm(lab, "bare", 9)
    assert "No changes recorded yet." in page.get("/vms/lab-1/bare/history/").content.decode()


def test_the_overview_shows_changes_of_vms_and_networks(page, user, vm):
    vm.resize(2048, 1, by=user)
    text = html.fromstring(page.get("/").content.decode()).text_content()
    assert "memory and vCPUs edited" in text


def test_a_name_with_html_is_escaped(page, lab):
    bad = make_vm(lab, "bad", 9, image=make_image(lab, "<b>x"))
    bad.resize(2048, 1)
    for path in ("/", "/vms/lab-1/bad/history/", bad.revisions.first().get_absolute_url()):
        assert "<b>x" not in page.get(path).content.decode()
