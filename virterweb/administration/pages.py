"""All pages of the admin: importing them registers them at the site."""

from . import activity, definitions, observed, people, teams  # noqa: F401, each registers its own
from .hypervisors import admin  # noqa: F401
from .site import site

__all__ = ["site"]
