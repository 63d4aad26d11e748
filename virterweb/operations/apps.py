from django.apps import AppConfig

from .backup import wording  # noqa: F401, messages need their wording wherever they are shown


class OperationsConfig(AppConfig):
    name = "virterweb.operations"
