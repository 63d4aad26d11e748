"""The activity log says how long work took, and for how long it is in progress."""

from datetime import timedelta

import pytest
from django.utils import timezone

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, ""), (12, "in 12 s"), (75, "in 1 min 15 s"), (7325, "in 2 h 2 min"), (-5, "")]
)
def test_finished_work_says_how_long_it_took(page, seconds, shown):
    entry = Entry.objects.record(Subject(kind=Kind.VM, name="vm-1"), "started")
    Entry._base_manager.filter(pk=entry.pk).update(at=timezone.now() - timedelta(seconds=seconds))
    assert "<small>for <time" in page.get("/activity/").content.decode()
    Entry.objects.conclude_one(entry.pk)
    text = page.get("/activity/").content.decode()
    assert (f">{shown}</small>" in text) == bool(shown)
    assert "in progress</span>" not in text


def test_what_is_done_at_once_has_no_duration(page):
    Entry.objects.record(Subject(kind=Kind.VM, name="vm-1"), "started", result="done")
    assert "From the request" not in page.get("/activity/").content.decode()
