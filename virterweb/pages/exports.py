"""Export of tables: the rows of a page as CSV or JSON, selected by the URL or the Accept header."""

import csv
import re
from collections.abc import Iterable, Sequence

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import content_disposition_header

SUFFIXES = {"application/json": "json", "text/csv": "csv"}
# Characters with which a formula begins in spreadsheets, also after spaces and in full width.
FORMULA = re.compile(r"[\t\r\n]|\s*[=+@＝＋－＠-]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def wanted_suffix(request: HttpRequest, suffix: str = "") -> str:
    """Return csv or json, by the suffix of the URL, else by the Accept header; "" for the page."""
    return suffix or SUFFIXES.get(request.get_preferred_type(["text/html", *SUFFIXES]), "")


def answer(name: str, suffix: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """Return a table as csv, a file to save, or as json, a list with an object for each row.

    A list in a cell stays one in JSON, and is joined by spaces in CSV.
    """
    if suffix == "json":
        response = JsonResponse([dict(zip(columns, row, strict=True)) for row in rows], safe=False)
    else:
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        writer = csv.writer(response)
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)
    response["Content-Disposition"] = content_disposition_header(suffix == "csv", f"{_file_name(name)}.{suffix}")
    return response


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "table"


def _cell(value: object) -> str:
    """Return the text of a cell, with an apostrophe before what a spreadsheet would run as a formula."""
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    text = "" if value is None else str(value)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
