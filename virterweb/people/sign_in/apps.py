"""Registers the check of the file with OpenID Connect providers, which `manage.py check` and others run."""

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, register


def check_providers(**options: object) -> list[Error]:
    from .oidc import configuration

    try:
        configuration.read(settings.OIDC_FILE)
    except configuration.WrongConfiguration as error:
        return [Error(f"VIRTERWEB_OIDC_FILE: {error}", id="sign_in.E001")]
    return []


class SignInConfig(AppConfig):
    name = "virterweb.people.sign_in"
    verbose_name = "Sign-in"

    def ready(self) -> None:
        register(check_providers)
