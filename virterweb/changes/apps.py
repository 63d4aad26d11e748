from django.apps import AppConfig
from django.db.backends.signals import connection_created


class ChangesConfig(AppConfig):
    name = "virterweb.changes"

    def ready(self) -> None:
        from .writes import follow

        connection_created.connect(follow, dispatch_uid="changes")
