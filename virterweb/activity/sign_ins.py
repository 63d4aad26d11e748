"""Entries about sign-in and sign-out, from the signals that Django sends for every way to sign in."""

from datetime import timedelta

from django.contrib.auth import signals
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone

from .choices import Kind, Result
from .models import Entry, Subject

MAX_NAME = 150  # characters of a name that somebody has tried
LOCKED_OUT_AGAIN = timedelta(minutes=10)  # further refusals within this time are one lock-out


def connect() -> None:
    for signal, receiver in (
        (signals.user_logged_in, _signed_in),
        (signals.user_logged_out, _signed_out),
        (signals.user_login_failed, _failed),
    ):
        signal.connect(receiver, dispatch_uid="activity")


def locked_out(name: str, request: HttpRequest) -> None:
    """Record that a sign-in was refused without a check of the password, once for each name and address at a time."""
    since, address = timezone.now() - LOCKED_OUT_AGAIN, request.META.get("REMOTE_ADDR", "")
    known = Entry.objects.filter(kind=Kind.SIGN_IN, event="locked out", address=address, at__gt=since)
    if not known.filter(about__name=name[:MAX_NAME]).exists():
        _record("locked out", request, about={"name": name[:MAX_NAME]}, result=Result.FAILED)


def password_changed(request: HttpRequest, **rest: object) -> None:
    _record("password changed", request)


def _signed_in(request: HttpRequest, user: AbstractBaseUser, **rest: object) -> None:
    _record("signed in", request, by=user)


def _signed_out(request: HttpRequest, user: AbstractBaseUser | None, **rest: object) -> None:
    if user:
        _record("signed out", request, by=user)


def _failed(credentials: dict, request: HttpRequest | None = None, **rest: object) -> None:
    name = str(credentials.get("username", ""))[:MAX_NAME]
    _record("sign-in failed", request, about={"name": name}, result=Result.FAILED)


def _record(event: str, request: HttpRequest | None, **values: object) -> None:
    Entry.objects.record(Subject(kind=Kind.SIGN_IN), event, request=request, **{"result": Result.DONE, **values})
