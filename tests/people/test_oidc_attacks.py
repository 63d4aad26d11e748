"""An answer that is not the provider's own, or not for this attempt, signs nobody in."""

import base64
import json
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.people.oidc_browser import asked, at_provider, back, configured, log_in, name_of, use
from tests.support.servers.oidc_provider import SECRET, OIDCProvider, oidc_provider

pytestmark = pytest.mark.integration


@pytest.fixture
def provider(db) -> Iterator[OIDCProvider]:
    with oidc_provider() as found, use(configured(found)):
        yield found


def refused(client: Client, said: str = "failed. Try again") -> bool:
    """Return whether nobody is signed in, and the sign-in page says so."""
    page = client.get("/login/").content.decode()
    return name_of(client) == "" and not User.objects.exists() and said in page


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": ["virterweb", "another client"]},
        {"azp": "another client"},
        {"exp": 1},
        {"iat": 9_999_999_999},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": 7},
        {"sub": None},
    ],
    ids=str,
)
def test_an_id_token_that_says_something_else_signs_nobody_in(provider, claims):
    provider.claims = claims
    client = Client()
    log_in(client)
    assert refused(client)


def unsigned(claims: dict) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


STRANGER = RSAKey.generate_key(2048, {"kid": "first"})
FORGED = {
    "by another key": lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, STRANGER),
    "by an unknown key": lambda claims: jwt.encode({"alg": "RS256", "kid": "second"}, claims, STRANGER),
    "by nobody": unsigned,
    "by the client secret": lambda claims: jwt.encode(
        {"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(SECRET + "x" * 32), algorithms=["HS256"]
    ),
    "not at all": lambda claims: "x",
    "not as text": lambda claims: {"a": 1},
    "missing": lambda claims: None,
}


@pytest.mark.parametrize("how", FORGED)
def test_an_id_token_that_the_provider_has_not_signed_signs_nobody_in(provider, how):
    provider.sign = FORGED[how]
    client = Client()
    log_in(client)
    assert refused(client)


def test_the_id_token_of_an_earlier_attempt_is_not_accepted_again(provider):
    kept = []
    provider.sign = lambda claims: kept.append(provider.signed(claims)) or kept[0]
    log_in(Client())
    assert User.objects.count() == 1
    client = Client()
    log_in(client)
    assert len(kept) == 2
    assert name_of(client) == ""


def test_each_attempt_has_a_nonce_a_state_and_a_challenge_of_its_own(provider):
    first, second = asked(Client()), asked(Client())
    assert all(first[name] != second[name] for name in ("nonce", "state", "code_challenge"))


def test_the_answer_for_another_browser_is_not_accepted(provider):
    address = at_provider(Client())
    client = Client()
    back(client, address)
    assert refused(client)


def test_an_answer_is_accepted_once(provider):
    client = Client()
    address = at_provider(client)
    back(client, address)
    assert name_of(client) == "mara"
    client.post("/logout/")
    back(client, address)
    assert name_of(client) == ""


def test_a_provider_that_says_to_be_another_issuer_signs_nobody_in(provider):
    provider.says = {"issuer": "https://evil.example"}
    client = Client()
    assert client.get("/login/oidc/corp/")["Location"] == "/login/"
    assert refused(client, "does not answer as it should")


def test_the_answer_of_another_issuer_is_not_accepted(provider):
    client = Client()
    address = at_provider(client)
    back(client, address.replace("iss=http", "iss=https"))
    assert refused(client, "does not answer as it should")


def test_user_information_about_somebody_else_is_not_accepted(provider):
    provider.more = {"sub": "2", "groups": ["lab-admins"]}
    client = Client()
    log_in(client)
    assert refused(client)


def test_what_a_link_adds_to_the_request_is_not_passed_on(provider):
    address = Client().get("/login/oidc/corp/?process=connect&scope=admin&auth_params=prompt%3Dnone")["Location"]
    assert "admin" not in address
    assert "prompt" not in address


def test_nobody_is_led_to_another_site_after_the_sign_in(provider):
    assert log_in(Client(), next_page="https://evil.example/")["Location"] == "/"


def test_a_provider_that_does_not_answer_is_named_as_the_reason(db):
    with oidc_provider() as gone:
        pass
    with use(configured(gone)):
        client = Client()
        assert client.get("/login/oidc/corp/")["Location"] == "/login/"
        assert refused(client, "does not answer as it should")


@pytest.mark.parametrize("path", ["/login/oidc/nobody/", "/login/oidc/nobody/callback/?state=x&code=y"])
def test_an_unknown_provider_is_named_as_the_reason(db, path):
    client = Client()
    assert client.get(path)["Location"] == "/login/"
    assert refused(client, "no service with which you can sign in")
