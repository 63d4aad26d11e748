"""Shared fixtures of all tests."""

import gc
import os
import re
from importlib import import_module

import pytest
from celery import Task
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import override_settings

import virterweb.celery  # noqa: F401, the app of all tasks
from tests.support.portal import Portal
from virterweb.enqueue import LOOK
from virterweb.hypervisors import uris

LAST_WORDS = 4000  # characters


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="FOLDER", help="take pictures of the pages that the browser tests walk")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Count tests of pages as integration. On another database than the usual one, run only the tests that use it."""
    for item in items:
        if "client" in item.fixturenames:
            item.add_marker(pytest.mark.integration)
    if os.environ.get("TEST_DATABASE_URL"):
        kept = [item for item in items if "db" in item.fixturenames or item.get_closest_marker("django_db")]
        config.hook.pytest_deselected(items=set(items) - set(kept))
        items[:] = kept


def pytest_collection_finish() -> None:
    """Spare the garbage collector thousands of tests and modules, which stay until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """What failed on a portal is shown with the last words of its worker."""
    report = yield
    if report.failed:
        for portal in (value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Portal)):
            report.sections.append(("worker", portal.worker_log()[-LAST_WORDS:]))
    return report


@pytest.fixture(autouse=True, scope="session")
def quick_settings():
    """Hash passwords quickly, and let WhiteNoise look for a file when it is asked for, not at each client's start."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers, WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(autouse=True)
def test_hosts_are_allowed(monkeypatch, tmp_path_factory):
    """libvirt's test driver may read the host that a test has written, which no user's URI may have it read."""
    written = rf"test://{re.escape(str(tmp_path_factory.getbasetemp()))}/[^?#]*/host\.xml"
    monkeypatch.setattr(uris, "ALLOWED", re.compile(f"{uris.ALLOWED.pattern}|{written}"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Create the collation in PostgreSQL, where tests have the tables without the migrations."""
    migration = import_module("virterweb.hypervisors.migrations.0017_natural_order").Migration
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        for operation in migration.operations:
            operation.database_forwards("hypervisors", editor, None, None)


@pytest.fixture
def user(db):
    """An operator, who may change everything; see `member` for one who may not."""
    user = get_user_model().objects.create_user("mira", password="a good one")
    user.user_permissions.add(Permission.objects.get(codename="operate"))
    return get_user_model().objects.get(pk=user.pk)


@pytest.fixture
def member(db):
    """A user without any permission, who changes what they own."""
    return get_user_model().objects.create_user("otto", password="a good one")


@pytest.fixture
def operator(db):
    return get_user_model().objects.create_superuser("admin", password="a good one")


@pytest.fixture
def member_page(client, member):
    """A logged-in member's test client."""
    client.force_login(member)
    return client


@pytest.fixture
def page(client, user):
    """A logged-in operator's test client."""
    client.force_login(user)
    return client


@pytest.fixture
def enqueued(monkeypatch, settings):
    """Send no message to a worker, and list the messages instead, as (task name, id), but for those of open pages."""
    messages = []

    def remember(task, args=(), kwargs=None, **options):
        if (task.name, *args) != (LOOK, 0):
            messages.append((task.name, *args))

    monkeypatch.setattr(Task, "apply_async", remember)
    return messages
