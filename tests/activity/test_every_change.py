"""Every URL that changes something writes exactly one entry in the activity log, or changes nothing at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from lxml import html

from tests.activity.every_change import CHANGES, OTHERS, PASSWORD, TAKE_FORMS
from tests.project.conftest import people, things  # noqa: F401, the fixtures of all pages
from tests.project.every_url import address
from tests.project.test_urls import state
from virterweb.activity.choices import Via
from virterweb.activity.models import Entry

pytestmark = pytest.mark.integration


def test_every_url_that_takes_a_form_is_in_the_table():
    assert TAKE_FORMS.keys() == CHANGES.keys() | OTHERS


@pytest.fixture
def client(people) -> Client:  # noqa: F811
    """Return the browser of an operator, at an address."""
    operator = people["superuser"]
    operator.set_password(PASSWORD)
    operator.save()
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(operator)
    return client


def shown(entry: Entry, expected: str) -> str:
    """Return the text of an entry with … where the expected one does not say what changes from run to run."""
    start, dots, end = expected.partition("…")
    return expected if dots and entry.what.startswith(start) and entry.what.endswith(end) else entry.what


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_writes_one_entry_with_who_and_from_where(client, things, name):  # noqa: F811
    path, change = address(*TAKE_FORMS[name], things), CHANGES[name]
    change.before()
    last = Entry.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    answer = change.send(client, path)
    assert answer.status_code == 302, html.fromstring(answer.content).xpath("string(//main)")
    found = [(each.kind, shown(each, change.what)) for each in Entry.objects.filter(pk__gt=last)]
    assert found == [(change.kind, change.what)]
    entry = Entry.objects.latest("pk")
    assert (entry.who, entry.via, entry.address) == ("superuser", Via.PAGE, "192.0.2.7")


@contextmanager
def no_entries() -> Iterator[None]:
    """Have the database refuse entries of the activity log."""

    def refuse(execute: Callable, sql: str, params: object, many: bool, context: dict) -> object:
        if sql.startswith('INSERT INTO "activity_entry"'):
            raise IntegrityError("no room for entries")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.parametrize("name", CHANGES)
def test_without_its_entry_nothing_is_changed(client, things, name):  # noqa: F811
    path, change = address(*TAKE_FORMS[name], things), CHANGES[name]
    change.before()
    before, last = state(), Entry.objects.count()
    with no_entries():
        answer = change.send(client, path)
    assert answer.status_code == 409
    assert (state(), Entry.objects.count()) == (before, last)
