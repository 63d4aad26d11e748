"""A browser of somebody who is signed in at a provider."""

from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.http import HttpResponse
from django.test import Client
from django.test.utils import override_settings

from tests.support.servers.oidc_provider import CLIENT, SECRET, OIDCProvider
from virterweb.people.sign_in.oidc.configuration import Provider

GROUPS = {"lab-admins": "operators", "lab": "lab users"}


class NotFollowed(HTTPRedirectHandler):
    def http_error_302(self, request: Request, *answer: object) -> str:
        """Return where the answer leads."""
        return answer[-1]["Location"]


def configured(provider: OIDCProvider, key: str = "corp", **options: object) -> dict[str, Provider]:
    keys = {"client_id": CLIENT, "client_secret": SECRET, "groups": GROUPS}
    return {key: Provider(**{"key": key, "name": key.title(), "issuer": provider.issuer, **keys, **options})}


def use(*providers: dict[str, Provider]) -> override_settings:
    return override_settings(OIDC_PROVIDERS={key: each for part in providers for key, each in part.items()})


def at_provider(client: Client, key: str = "corp", next_page: str = "") -> str:
    """Begin to sign in; the address with which the provider sends the browser back."""
    answer = client.get(f"/login/oidc/{key}/", {"next": next_page} if next_page else {})
    return build_opener(NotFollowed).open(answer["Location"])


def asked(client: Client, key: str = "corp") -> dict[str, str]:
    """Return what the portal asks of a provider."""
    address = urlsplit(client.get(f"/login/oidc/{key}/")["Location"])
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def back(client: Client, address: str) -> HttpResponse:
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def log_in(client: Client, key: str = "corp", next_page: str = "") -> HttpResponse:
    return back(client, at_provider(client, key, next_page))


def name_of(client: Client) -> str:
    """Return who is signed in, or nothing."""
    answer = client.get("/profile/")
    return answer.context["user"].get_username() if answer.status_code == 200 else ""
