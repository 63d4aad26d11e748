"""Return what a browser sends for the form of a page without input."""

from django.http import HttpResponse
from lxml import etree


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
