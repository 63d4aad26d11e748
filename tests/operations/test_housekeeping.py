"""What has expired is deleted, and nothing else."""

import os
from datetime import timedelta
from pathlib import Path

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from networks.definition.events import Event
from tests.support.making import make_hypervisor, make_network
from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject
from virterweb.operations.housekeeping import forget
from virterweb.people.models import SignInAttempt


def test_sessions_that_have_expired_are_deleted(db):
    for seconds in (-1, 100):
        session = SessionStore()
        session.set_expiry(timezone.now() + timedelta(seconds=seconds))
        session.save()
    forget()
    assert Session.objects.get().expire_date > timezone.now()


def test_failed_sign_ins_that_no_longer_count_are_deleted(db):
    for minutes in (5, 50):
        SignInAttempt.objects.create(name=f"user {minutes}", at=timezone.now() - timedelta(minutes=minutes))
    forget()
    assert SignInAttempt.objects.get().name == "user 5"


def test_counts_of_attempts_that_have_expired_are_deleted(db):
    cache.set("later", 1, timeout=100)
    cache.set("expired", 1, timeout=-100)
    cache.add("expired too", 1, timeout=0.01)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sign_in_cache SET expires = '2020-01-01 00:00:00' WHERE cache_key LIKE '%too'")
        forget()
        cursor.execute("SELECT cache_key FROM sign_in_cache")
        assert cursor.fetchall() == [(":1:later",)]


def test_the_list_of_sessions_has_none_that_has_ended(db, member):
    session = SessionStore()
    session.save()
    for key in (session.session_key, "ended"):
        UserSession.objects.create(user=member, ip="192.0.2.1", session_key=key)
    forget()
    assert UserSession.objects.get().session_key == session.session_key


def test_old_definitions_are_deleted_as_the_settings_say_but_never_the_latest_or_one_in_progress(
    db, enqueued, settings
):
    network, quiet = (make_network(make_hypervisor(f"lab-{number}")) for number in (1, 2))
    for days, result in ((40, "done"), (35, ""), (20, "done")):
        network.note(Event.CHANGED)
        newest = network.revisions.filter(pk=network.revisions.first().pk)
        newest.update(at=timezone.now() - timedelta(days=days), result=result)
    quiet.note(Event.ADDED)
    quiet.revisions.update(at=timezone.now() - timedelta(days=400), result="done")

    def left() -> int:
        forget()
        return network.revisions.count()

    assert left() == 3
    settings.HISTORY_DAYS = 30
    assert left() == 2
    settings.HISTORY_DAYS = 1
    assert left() == 2
    assert quiet.revisions.count() == 1


def test_old_entries_of_the_activity_log_are_deleted_as_the_settings_say(db, settings):
    for days in (40, 20):
        entry = Entry.objects.record(Subject(kind=Kind.SIGN_IN), "signed in", result="done")
        Entry._base_manager.filter(pk=entry.pk).update(at=timezone.now() - timedelta(days=days))
    forget()
    assert Entry.objects.count() == 2
    settings.ACTIVITY_DAYS = 30
    forget()
    assert Entry.objects.get() == entry


def test_folders_of_killed_backups_are_deleted_after_a_day(db, settings, tmp_path: Path):
    settings.DATA_DIR = tmp_path
    for name in (".backup-new", ".backup-old", ".restore-old", "uploads"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "database").touch()
        if "new" not in name:
            os.utime(tmp_path / name, (0, 0))
    forget()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".backup-new", "uploads"]
