"""Registers checks of the files with services for sign-in, which `manage.py check` and other commands run."""

from importlib.util import find_spec

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, register


def check_providers(**options: object) -> list[Error]:
    """Return what is wrong with the file of OpenID Connect providers."""
    if not settings.OIDC_FILE:
        return []
    from .oidc import configuration

    try:
        configuration.read(settings.OIDC_FILE)
    except configuration.WrongConfiguration as error:
        return [Error(f"VIRTERWEB_OIDC_FILE: {error}", id="sign_in.E001")]
    return []


def check_directory(**options: object) -> list[Error]:
    """Return what is wrong with the file of the LDAP directory."""
    if not settings.LDAP_FILE:
        return []
    from .ldap import configuration

    if find_spec("django_auth_ldap") is None:
        return [Error("VIRTERWEB_LDAP_FILE needs the packages in requirements-ldap.txt", id="sign_in.E002")]
    try:
        configuration.read(settings.LDAP_FILE)
    except configuration.WrongConfiguration as error:
        return [Error(f"VIRTERWEB_LDAP_FILE: {error}", id="sign_in.E003")]
    return []


def note_connected(sociallogin: object, **rest: object) -> None:
    """Record that a user has connected an account of a provider; allauth has no other way to learn of it."""
    from virterweb.activity import sign_ins

    from .oidc.adapter import name_of

    sign_ins.account_connected(sociallogin.user, sociallogin.account.provider, name_of(sociallogin.account))


class SignInConfig(AppConfig):
    name = "virterweb.people.sign_in"
    verbose_name = "Sign-in"

    def ready(self) -> None:
        register(check_providers)
        register(check_directory)
        from allauth.account.signals import password_changed
        from allauth.mfa import signals
        from allauth.socialaccount.signals import social_account_added

        from virterweb.activity import sign_ins

        # allauth offers no other way to learn which factor was added, removed or used.
        for signal, receiver in (
            (password_changed, sign_ins.password_changed),
            (social_account_added, note_connected),
            (signals.authenticator_added, sign_ins.factor_added),
            (signals.authenticator_reset, sign_ins.factor_added),
            (signals.authenticator_removed, sign_ins.factor_removed),
            (signals.authenticator_used, sign_ins.factor_used),
        ):
            signal.connect(receiver, dispatch_uid="activity")
