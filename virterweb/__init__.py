"""The project: settings, URLs, the worker. `delay` needs the Celery app to be known wherever Django is."""

from .celery import app as celery_app

__all__ = ["celery_app"]
