"""Storage of drift in a status: codes with their parameters as JSON, one per line. Pure."""

import json
from collections.abc import Iterable, Mapping


def encoded(codes: Iterable[Mapping[str, object]]) -> str:
    """Return codes as a status stores them; "" without any."""
    return "\n".join(dict.fromkeys(json.dumps(code, sort_keys=True, ensure_ascii=False) for code in codes))


def decoded(drift: str) -> list[dict]:
    """Return the codes that a status stores.

    A line of an earlier version, which stored its words, is {"text": …} until the next poll replaces it.
    """
    return [_code(line) for line in drift.split("\n") if line]


def _code(line: str) -> dict:
    try:
        code = json.loads(line)
    except ValueError:
        return {"text": line}
    return code if isinstance(code, dict) else {"text": line}
