"""Browsers of the users whom each folder of tests makes."""

from collections.abc import Callable

import pytest
from django.test import Client


@pytest.fixture
def browse(users) -> Callable[[str], Client]:
    """Open pages as one of the users."""

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(users[name])
        return client

    return signed_in
