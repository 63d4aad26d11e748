"""What allauth asks the portal about providers: which there are, and which account somebody gets."""

import hashlib

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect

from virterweb.activity.sign_ins import account_connected
from virterweb.pages.characters import hidden_in

from .. import limits
from .configuration import Provider
from .id_token import WrongToken, checked, nonce_for

LONGEST_NAME = 150  # characters in Django's tables
LONGEST = 191  # characters of an identifier in allauth's table; OpenID Connect allows 255


def name_of(account: SocialAccount) -> str:
    """Return the name of a user at a provider; the ID if there is no name, or it has invisible characters."""
    name = account.extra_data.get("username")
    return name if isinstance(name, str) and name and not hidden_in(name) else account.uid


class OAuth2Adapter(OpenIDConnectOAuth2Adapter):
    """The requests to a provider."""

    verifier = ""  # of this attempt

    @property
    def openid_config(self) -> dict:
        """Return what the provider says about itself, if it is the issuer that the configuration names."""
        found = super().openid_config
        if found.get("issuer") != self.get_provider().configured.issuer:
            raise OAuth2Error(f"the provider says that it is {found.get('issuer')}")
        return found

    def get_access_token_data(self, request: HttpRequest, app: SocialApp, client: object, pkce_code_verifier: str = ""):
        self.verifier = pkce_code_verifier
        return super().get_access_token_data(request, app, client, pkce_code_verifier)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: object, **options: object) -> SocialLogin:
        """Return who signs in, by the claims of the ID token, and by what the provider says besides about this user."""
        claims = self._decode_id_token(app, options["response"].get("id_token"))
        if "userinfo_endpoint" in self.openid_config:
            more = self._fetch_user_info(token.token)
            if more.get("sub") != claims["sub"]:
                raise OAuth2Error("the user information is that of somebody else")
            claims = {**more, **claims}
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def _decode_id_token(self, app: SocialApp, id_token: object) -> dict:
        with SocialAccountAdapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        configured = self.get_provider().configured
        expected = {"issuer": configured.issuer, "client_id": app.client_id, "nonce": nonce_for(self.verifier)}
        try:
            return checked(id_token, answer.json(), **expected)
        except WrongToken as error:
            raise OAuth2Error(f"ID token: {error}") from error


class PortalProvider(OpenIDConnectProvider):
    """A provider of the file."""

    oauth2_adapter_class = OAuth2Adapter

    def __init__(self, request: HttpRequest, configured: Provider) -> None:
        own = {"server_url": configured.issuer.rstrip("/"), "scope": configured.scopes}
        names = {"provider": self.id, "provider_id": configured.key, "name": configured.name}
        keys = {"client_id": configured.client_id, "secret": configured.client_secret}
        super().__init__(request, SocialApp(**names, **keys, settings=own))
        self.configured = configured

    def serialize(self) -> dict[str, str]:
        """Return the values by which `get_provider` finds the provider again after the second factor."""
        return {"id": self.configured.key}

    def get_pkce_params(self) -> dict:
        """Return PKCE's parameters, and the nonce, for a new attempt."""
        parameters = generate_code_challenge()
        return {**parameters, "nonce": nonce_for(parameters["code_verifier"])}

    def extract_uid(self, data: dict) -> str:
        subject = data["id_token"]["sub"]
        return subject if len(subject) <= LONGEST else f"sha256:{hashlib.sha256(subject.encode()).hexdigest()}"

    def extract_email_addresses(self, data: dict) -> list:
        """Take no e-mail address: none decides on whose account it is."""
        return []

    def extract_common_fields(self, data: dict) -> dict:
        """Take no e-mail address, and no names that show something else than they are."""
        found = super().extract_common_fields(data) | {"email": None}
        texts = {name: value for name, value in found.items() if isinstance(value, str) and len(value) <= LONGEST_NAME}
        return {name: value for name, value in texts.items() if not hidden_in(value)}

    def extract_extra_data(self, data: dict) -> dict:
        """Keep which user of the provider it is, and which groups it gave."""
        claims = data["id_token"]
        kept = {"iss": claims["iss"], "sub": claims["sub"], "username": claims.get("preferred_username")}
        known = {"groups": sorted(self.configured.groups_for(claims)), "reported": self.configured.reported(claims)}
        return kept | known


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> PortalProvider:
        """Return a provider of the file.

        Raises:
            SocialApp.DoesNotExist: The file has no such provider.
        """
        if provider not in settings.OIDC_PROVIDERS:
            raise SocialApp.DoesNotExist
        return PortalProvider(request, settings.OIDC_PROVIDERS[provider])

    def list_apps(self, request: HttpRequest, provider: str = "", client_id: str = "") -> list[SocialApp]:
        return [PortalProvider(request, each).app for each in settings.OIDC_PROVIDERS.values()]

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse to connect an account if the confirmation of the user has expired in the meantime."""
        if sociallogin.state.get("process") != AuthProcess.CONNECT:
            return
        if is_reauthentication_required(request, app="allauth.socialaccount"):
            messages.error(
                request, "The account was not connected: your confirmation or session has expired. Connect it again."
            )
            raise ImmediateHttpResponse(redirect("socialaccount_connections"))

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> AbstractUser:
        with transaction.atomic():
            user = super().save_user(request, sociallogin, form)
            account_connected(user, sociallogin.account.provider, name_of(sociallogin.account))
        return user

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Let users of a provider have an account, unless the file says that only known ones may sign in."""
        if settings.OIDC_PROVIDERS[sociallogin.account.provider].create_users:
            return True
        self._refuse(request, "You have no account here. Ask an operator.", sociallogin.account.provider, "no account")
        return False

    def on_authentication_error(self, request, provider, error=None, exception=None, extra_context=None) -> None:
        """Say on the sign-in page that it failed, and log the reason."""
        if error == AuthError.CANCELLED:
            messages.warning(request, f"The sign-in with {provider.name} was cancelled.")
            raise ImmediateHttpResponse(redirect("account_login"))
        reason = str(exception or request.GET.get("error") or "this attempt is not known, or has ended")
        self._refuse(request, f"The sign-in with {provider.name} failed. Try again.", provider.configured.key, reason)

    def _refuse(self, request: HttpRequest, said: str, key: str, reason: str) -> None:
        limits.note(request, "failed", "", f"{key}: {reason!a}")
        messages.error(request, said)
        raise ImmediateHttpResponse(redirect("account_login"))
