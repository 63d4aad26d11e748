"""Every function that a poll calls exists."""

from django.conf import settings
from django.utils.module_loading import import_string


def test_every_observer_can_be_called():
    assert all(callable(import_string(name)) for name in settings.OBSERVERS)
