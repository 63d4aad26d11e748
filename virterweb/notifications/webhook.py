"""Webhook requests: an entry as JSON, signed with the key of the receiver."""

import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.request

from virterweb.activity.models import Entry
from virterweb.messages import Failure, Message

TIMEOUT = 10.0  # seconds for each answer of the server
AGENT = "Virterweb"


class NotSent(Failure):
    """A message could not be sent; `unreachable` if others to the same receiver would fail as well."""

    def __init__(self, message: Message, *, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the address that an operator has entered is the only one that gets entries."""

    def redirect_request(self, *args: object) -> None:
        return None


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a request: the HMAC-SHA256 of timestamp, full stop and body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def content(entry: Entry) -> dict[str, object]:
    """Return an entry as it is sent."""
    names = ("via", "address", "kind", "event", "about", "hypervisor", "object_id", "revision_id", "result", "request")
    values = {name: getattr(entry, name) for name in names}
    texts = {"user": entry.who, "object": entry.name, "change": entry.what, "error": str(entry.error)}
    return {"id": entry.pk, "at": entry.at.isoformat(), **texts, **values}


def post(url: str, secret: str, delivery: int, entry: Entry) -> None:
    """Send an entry; raise NotSent unless the server answers with success. The ID of a delivery is that of a retry."""
    body, timestamp = json.dumps(content(entry)).encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "X-Virterweb-Delivery": str(delivery),
        "X-Virterweb-Timestamp": timestamp,
        "X-Virterweb-Signature": f"sha256={signature(secret, timestamp, body)}",
    }
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as problem:
        problem.close()
        raise NotSent(Message("notification.status", status=problem.code)) from None
    except (OSError, http.client.HTTPException, ValueError) as problem:
        text = str(getattr(problem, "reason", None) or problem) or type(problem).__name__
        raise NotSent(Message("notification.not_sent", reason=text), unreachable=True) from problem
