"""Storage of drift in a status: codes with their parameters as JSON, one per line. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from virterweb.hypervisors import wording as _wording  # noqa: F401, adds the texts of the messages
from virterweb.hypervisors.gateway.marks import Mark
from virterweb.messages import Message

OTHER_PORTAL = "other portal"  # the key of the last line, which is no difference


def encoded(codes: Iterable[Mapping[str, object]], other: Mark | None = None) -> str:
    """Return codes as a status stores them, with the portal that was the last to define the object; "" without any."""
    lines = dict.fromkeys(json.dumps(code, sort_keys=True, ensure_ascii=False) for code in codes)
    if lines and other:
        lines[json.dumps({OTHER_PORTAL: asdict(other)}, ensure_ascii=False)] = None
    return "\n".join(lines)


def decoded(drift: str) -> list[dict]:
    """Return the codes that a status stores.

    A line of an earlier version, which stored its words, is {"text": …} until the next poll replaces it.
    """
    return [code for code in _codes(drift) if OTHER_PORTAL not in code]


def other_portal(drift: str) -> Message:
    """Return the sentence that names the other portal which was the last to define an object that differs."""
    for code in _codes(drift):
        if OTHER_PORTAL in code:
            mark = Mark(**code[OTHER_PORTAL])
            if mark.url:
                return Message("drift.other_portal_url", url=mark.url, id=mark.id)
            if mark.host:
                return Message("drift.other_portal_host", host=mark.host, id=mark.id)
            return Message("drift.other_portal_id", id=mark.id)
    return Message()


def _codes(drift: str) -> list[dict]:
    return [_code(line) for line in drift.split("\n") if line]


def _code(line: str) -> dict:
    try:
        code = json.loads(line)
    except ValueError:
        return {"text": line}
    return code if isinstance(code, dict) else {"text": line}
