"""What all tests share."""

import pytest
from celery import Task
from django.contrib.auth import get_user_model

from tests.portal import Portal

LAST_WORDS = 4000  # characters


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="FOLDER", help="take pictures of the pages that the browser tests walk")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """What failed on a portal is shown with the last words of its worker."""
    report = yield
    if report.failed:
        for portal in (value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Portal)):
            report.sections.append(("worker", portal.worker_log()[-LAST_WORDS:]))
    return report


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def no_walk_through_static_files(settings):
    """WhiteNoise lists them for every test client else."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def user(db):
    return get_user_model().objects.create_user("mira", password="a good one")


@pytest.fixture
def operator(db):
    return get_user_model().objects.create_superuser("admin", password="a good one")


@pytest.fixture
def page(client, user):
    """A logged-in user's test client."""
    client.force_login(user)
    return client


@pytest.fixture
def pokes(monkeypatch, settings):
    """Send no message to a worker; what would have been sent is listed as (task name, id)."""
    sent = []

    def remember(task, args=(), kwargs=None, **options):
        sent.append((task.name, *args))

    monkeypatch.setattr(Task, "apply_async", remember)
    return sent
