"""What all tests share. Each run has a data folder of its own, so that it never touches what a server here uses."""

import os
import tempfile

os.environ["VIRTERWEB_DATA"] = _data = tempfile.mkdtemp(prefix="virterweb-test-")
os.environ.pop("DATABASE_URL", None)
os.environ.pop("CELERY_BROKER_URL", None)

import shutil

import pytest
from django.contrib.auth import get_user_model


def pytest_sessionfinish() -> None:
    shutil.rmtree(_data, ignore_errors=True)


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
    from celery import Task

    def remember(task, args=(), kwargs=None, **options):
        sent.append((task.name, *args))

    monkeypatch.setattr(Task, "apply_async", remember)
    return sent
