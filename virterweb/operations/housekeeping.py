"""Deletes what has expired. A worker calls `forget` from time to time; it may run twice, and may be killed anywhere."""

import shutil
from datetime import timedelta
from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef
from django.utils import timezone

from networks.models import NetworkRevision
from virterweb.activity.models import Entry
from virterweb.operations.backup.archive import CREATING, UNPACKING
from virterweb.people.models import WINDOW, LastDefinition, SignInAttempt
from virterweb.people.sign_in.limits import forget_counts
from vms.models import VMRevision


def forget() -> None:
    forget_sessions()
    forget_sign_in_attempts()
    forget_history()
    forget_activity()
    forget_leftovers()


def forget_sessions() -> None:
    """Delete the sessions of users who have not come back, as `manage.py clearsessions` does."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


def forget_sign_in_attempts() -> None:
    """Delete failed attempts that no longer count."""
    SignInAttempt.objects.filter(at__lt=timezone.now() - WINDOW).delete()
    forget_counts()


def forget_history() -> None:
    """Delete old revisions of networks and VMs, but never the latest one of an object that exists."""
    if not settings.HISTORY_DAYS:
        return
    before = timezone.now() - timedelta(days=settings.HISTORY_DAYS)
    for model in (NetworkRevision, VMRevision):
        later = model.objects.filter(desired=OuterRef("desired"), pk__gt=OuterRef("pk"))
        old = model.objects.order_by().filter(Exists(later), at__lt=before).exclude(result="")
        model.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:1000])).delete()
    LastDefinition.objects.filter(at__lt=before).delete()


def forget_activity() -> None:
    """Delete old entries of the activity log, a limited number in each transaction."""
    before = timezone.now() - timedelta(days=settings.ACTIVITY_DAYS)
    while settings.ACTIVITY_DAYS and Entry.objects.expire(before):
        pass


def forget_leftovers() -> None:
    """Delete what a backup or a restore has left that was killed."""
    before = (timezone.now() - timedelta(days=1)).timestamp()
    for pattern in (f"{CREATING}*", f"{UNPACKING}*"):
        for folder in settings.DATA_DIR.glob(pattern):
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
