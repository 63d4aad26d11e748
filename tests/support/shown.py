"""What a browser sends for the form of a page without input, and what a page costs."""

from collections.abc import Mapping

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from lxml import etree

from virterweb.hypervisors.claims.clock import Now
from virterweb.hypervisors.models import HypervisorStatus


def queries_of(client: Client, path: str, headers: Mapping[str, str] = {}) -> int:
    """Return how many queries a page costs while it is open: that is recorded only from time to time."""
    HypervisorStatus.objects.update(watched_at=Now())
    with CaptureQueriesContext(connection) as found:
        assert client.get(path, headers=headers).status_code == 200, path
    return len(found)


def as_shown(answer: HttpResponse, form: str = "(//main//form[.//button])[last()]") -> dict[str, list[str]]:
    """The values of the last form of a page, untouched: by the names of the fields."""
    (found,) = etree.HTML(answer.content.decode()).xpath(form)
    values: dict[str, list[str]] = {}
    for field in found.xpath(".//input|.//textarea|.//select"):
        ticked = field.get("type") not in ("checkbox", "radio") or field.get("checked") is not None
        if field.get("name") and field.get("disabled") is None and ticked:
            values.setdefault(field.get("name"), []).append(_value(field))
    return values


def _value(field: etree._Element) -> str:
    if field.tag == "textarea":
        return (field.text or "").removeprefix("\n")
    if field.tag == "select":
        chosen = field.xpath(".//option[@selected]") or field.xpath(".//option")
        return chosen[0].get("value", chosen[0].text) if chosen else ""
    return field.get("value", "on" if field.get("type") == "checkbox" else "")
