"""Tables as CSV and JSON: lists in cells, formulas, file names, and who is given them without asking by address."""

import csv
import json

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from virterweb.pages.exports import answer, wanted_suffix

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def cells(response: HttpResponse) -> list[list[str]]:
    return list(csv.reader(response.content.decode().splitlines(keepends=True)))


def test_a_table_as_csv_has_its_headings_and_joins_lists_by_spaces():
    response = answer("leases", "csv", ("vm", "ip", "id"), [("alma", ("10.0.0.8", "fd00::8"), 8), ('a,"b"', [], None)])
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="leases.csv"'
    assert cells(response) == [["vm", "ip", "id"], ["alma", "10.0.0.8 fd00::8", "8"], ['a,"b"', "", ""]]


def test_a_table_as_json_is_a_list_of_objects_and_keeps_lists():
    response = answer("leases", "json", ("vm", "ip", "id"), [("=1+1", ("10.0.0.8",), None)])
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Disposition"] == 'inline; filename="leases.json"'
    assert json.loads(response.content) == [{"vm": "=1+1", "ip": ["10.0.0.8"], "id": None}]


@pytest.mark.parametrize(
    "text",
    ["=HYPERLINK(1)", "+A1", "-A1", "--1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1+1", "\u00a0=1", "＝1+1", "-1+A1"],
)
def test_no_cell_is_a_formula(text):
    assert cells(answer("x", "csv", ("a",), [(text,)]))[1:] == [[f"'{text}"]]
    assert cells(answer("x", "csv", ("a",), [([text, "b"],)]))[1:] == [[f"'{text} b"]]


@pytest.mark.parametrize("value", [-5, "-5", "+3.25", "-1e5", 0, "52:54:00:00:00:08", "10.0.0.8", "::1", "a=b", "x-1"])
def test_numbers_and_addresses_stay_as_they_are(value):
    assert cells(answer("x", "csv", ("a",), [(value,)]))[1:] == [[str(value)]]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("lab-1-net1", 'filename="lab-1-net1.csv"'),
        ('a"b\r\nSet-Cookie: x', 'filename="a-b-Set-Cookie-x.csv"'),
        ("../../etc", 'filename="etc.csv"'),
        ("…", 'filename="table.csv"'),
        ("büro", "filename*=utf-8''b%C3%BCro.csv"),
    ],
)
def test_file_names_are_valid_for_any_table_name(name, file):
    assert answer(name, "csv", ("a",), []).headers["Content-Disposition"] == f"attachment; {file}"


@pytest.mark.parametrize(
    ("accept", "suffix"),
    [
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("application/json, text/plain, */*", "json"),
        ("text/csv;q=0.5, application/json", "json"),
        ("text/html;q=0.5, text/csv", "csv"),
        ("text/html, application/json;q=0.9", ""),
        (CHROMIUM, ""),
        ("*/*", ""),
        ("image/png", ""),
        ("", ""),
    ],
)
def test_the_accept_header_asks_for_a_table_where_html_is_not_preferred(accept, suffix):
    assert wanted_suffix(RequestFactory().get("/", headers={"accept": accept})) == suffix


def test_an_address_with_a_suffix_is_what_it_says():
    assert wanted_suffix(RequestFactory().get("/", headers={"accept": CHROMIUM}), "csv") == "csv"
    assert wanted_suffix(RequestFactory().get("/")) == ""
