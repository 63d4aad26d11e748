"""The project: settings, URLs and worker. The Celery app is imported so that `delay` works wherever Django runs."""

from .celery import app as celery_app

__all__ = ["celery_app"]
