from django.apps import AppConfig

from . import wording  # noqa: F401, messages need their wording wherever they are shown


class NotificationsConfig(AppConfig):
    name = "virterweb.notifications"
    label = "notifications"
