"""Who makes a change, and from where: the current request, the current command, or a worker."""

from dataclasses import dataclass
from getpass import getuser

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from virterweb.logs import context

from .choices import Via


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Who makes a change, and from where. `who` is the name of the user, which stays when the account is deleted."""

    via: Via
    user_id: int | None = None
    who: str = ""
    token: str = ""
    address: str = ""
    request: str = ""


def origin(by: AbstractBaseUser | None = None, request: HttpRequest | None = None) -> Origin:
    """Return who makes the current change: `by` if it is given, else the user of the request or command."""
    request = request or context.request.get()
    if request is not None:
        return _of_request(request, by)
    facts = context.facts()
    user = {"user_id": by.pk, "who": by.get_username()} if by else {}
    if "command" not in facts:
        return Origin(via=Via.WORKER, request=str(facts.get("request", "")), **user)
    return Origin(via=Via.COMMAND, **(user or {"user_id": facts.get("user_id"), "who": str(facts.get("user", ""))}))


def _of_request(request: HttpRequest, by: AbstractBaseUser | None) -> Origin:
    user = by or getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    match = request.resolver_match
    token = getattr(request, "token", None)  # set by the middleware that authenticates programs
    via = Via.TOKEN if token else Via.ADMIN if match and "admin" in match.namespaces else Via.PAGE
    return Origin(
        via=via,
        token=str(token or ""),
        user_id=user.pk if known else None,
        who=user.get_username() if known else "",
        address=request.META.get("REMOTE_ADDR", ""),
        request=getattr(request, "id", ""),
    )


def system_user() -> str:
    """Return the name of the operating system's user that runs a command; "" if it has none."""
    try:
        return getuser()
    except (KeyError, OSError):
        return ""
