"""Entries about sign-in, sign-out and the settings of an account, from the signals of Django and allauth.

Their parameters are those of the signals. No entry has a secret: codes, keys and passwords are left out.
"""

from datetime import timedelta
from typing import Protocol

from django.contrib.auth import signals
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone

from .choices import Kind, Result
from .models import Entry, Subject

MAX_NAME = 150  # characters of a name that somebody has tried
LOCKED_OUT_AGAIN = timedelta(minutes=10)  # refusals within this time are recorded as one lock-out
#: What the events call each type of second factor.
FACTORS = {"totp": "authenticator app", "recovery_codes": "recovery codes", "webauthn": "passkey"}


class Factor(Protocol):
    """A second factor of a user, as allauth stores it."""

    type: str
    user: AbstractBaseUser
    data: dict


def connect() -> None:
    for signal, receiver in (
        (signals.user_logged_in, _signed_in),
        (signals.user_logged_out, _signed_out),
        (signals.user_login_failed, _failed),
    ):
        signal.connect(receiver, dispatch_uid="activity")


def locked_out(name: str, request: HttpRequest) -> None:
    """Record that a sign-in was refused without a check of the password, once for each name and address and time."""
    since, address = timezone.now() - LOCKED_OUT_AGAIN, request.META.get("REMOTE_ADDR", "")
    known = Entry.objects.filter(kind=Kind.SIGN_IN, event="locked out", address=address, at__gt=since)
    if not known.filter(about__name=name[:MAX_NAME]).exists():
        _record("locked out", request, about={"name": name[:MAX_NAME]}, result=Result.FAILED)


def password_changed(request: HttpRequest, **rest: object) -> None:
    _record("password changed", request)


def factor_added(request: HttpRequest, authenticator: Factor, **rest: object) -> None:
    _record(f"{FACTORS[authenticator.type]} added", request, by=authenticator.user, about=_about(authenticator))


def factor_removed(request: HttpRequest, authenticator: Factor, **rest: object) -> None:
    _record(f"{FACTORS[authenticator.type]} removed", request, by=authenticator.user, about=_about(authenticator))


def factor_used(request: HttpRequest, authenticator: Factor, **rest: object) -> None:
    """Record the use of a recovery code; other factors are part of each sign-in."""
    if authenticator.type == "recovery_codes":
        _record("recovery code used", request, by=authenticator.user)


def factor_refused(name: str, request: HttpRequest) -> None:
    """Record that a code or passkey was wrong; `name` is the user whose password was correct."""
    _record("second factor refused", request, about={"name": name[:MAX_NAME]}, result=Result.FAILED)


def session_ended(request: HttpRequest, user: AbstractBaseUser, browser: str, address: str) -> None:
    """Record that somebody has ended a session of a user: the user, or a superuser."""
    about = {"user": user.get_username(), "browser": browser[:MAX_NAME], "address": address}
    _record("session ended", request, about=about)


def account_connected(user: AbstractBaseUser, provider: str, account: str) -> None:
    """Record that a user can sign in with an account of a provider or directory from now on."""
    _record("account connected", None, by=user, about={"provider": provider, "account": account[:MAX_NAME]})


def account_removed(user: AbstractBaseUser, provider: str, account: str) -> None:
    _record("account removed", None, by=user, about={"provider": provider, "account": account[:MAX_NAME]})


def invited(user: AbstractBaseUser) -> None:
    """Record that the user of the request or command has created an invitation link."""
    subject = Subject(kind=Kind.RIGHTS, name=user.get_username(), object_id=user.pk)
    Entry.objects.record(subject, "invitation created", result=Result.DONE)


def invitation_used(request: HttpRequest, user: AbstractBaseUser) -> None:
    _record("invitation used", request, by=user)


def _about(factor: Factor) -> dict[str, str]:
    return {"name": str(factor.data.get("name", ""))[:MAX_NAME]} if factor.type == "webauthn" else {}


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
