from django.apps import AppConfig


class ActivityConfig(AppConfig):
    name = "virterweb.activity"
    label = "activity"

    def ready(self) -> None:
        from . import sign_ins

        sign_ins.connect()
