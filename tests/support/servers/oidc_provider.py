"""A small OpenID Connect provider: discovery, authorization code with PKCE, token, keys, user information.

It can also misbehave in one way at a time, as a provider or somebody between would in an attack.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc6749 import scope_to_list
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "virterweb", "the client's secret"


@cache
def own_key() -> RSAKey:
    """Return the key of the providers of this process; to make one takes half a second."""
    return RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})


class OIDCProvider:
    """The provider's state: who is signed in there, and what it says about this user."""

    def __init__(self, url: str) -> None:
        self.issuer = url
        self.key = own_key()
        self.user: dict[str, Any] = {"sub": "1", "preferred_username": "mara", "name": "Mara Muster"}
        self.more: dict[str, Any] = {}  # what only the user information says
        self.codes: dict[str, dict[str, str]] = {}
        self.says: dict[str, Any] = {}  # in place of what discovery should say
        self.claims: dict[str, Any] = {}  # in place of what the ID token should say
        self.sign: Callable[[dict], str] = self.signed
        self.requests: list[str] = []

    def discovery(self) -> dict:
        paths = ("authorization", "token", "userinfo")
        return {
            "issuer": self.issuer,
            **{f"{path}_endpoint": f"{self.issuer}/{path}" for path in paths},
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            **self.says,
        }

    def keys(self) -> dict:
        return {"keys": [self.key.as_dict(private=False)]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Return the address to which the browser of a signed-in user is sent."""
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in scope_to_list(asked["scope"])
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, sent: dict[str, str], authorization: str) -> tuple[int, dict]:
        """Exchange a code, once, for the client with the right secret and PKCE verifier."""
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        asked = self.codes.pop(sent.get("code", ""), None)
        if given != f"{CLIENT}:{SECRET}":
            return 401, {"error": "invalid_client"}
        verified = asked and create_s256_code_challenge(sent.get("code_verifier", "")) == asked["code_challenge"]
        if not verified or sent["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked.get("nonce")}
        id_token = self.sign({**claims, **self.user, **self.claims})
        return 200, {"access_token": "secret", "token_type": "Bearer", "expires_in": 300, "id_token": id_token}

    def signed(self, claims: dict) -> str:
        return jwt.encode({"alg": "RS256", "kid": "first"}, claims, self.key)


class Handler(BaseHTTPRequestHandler):
    provider: OIDCProvider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        self.provider.requests.append(address.path)
        if address.path == "/authorization":
            self.send_response(302)
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            self.send_header("Location", self.provider.authorize(asked))
            self.end_headers()
            return
        provider = self.provider
        answers = {
            "/.well-known/openid-configuration": provider.discovery,
            "/keys": provider.keys,
            "/userinfo": lambda: {"sub": provider.user["sub"], **provider.more},
        }
        self._answer(200, answers[address.path]())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        self._answer(*self.provider.token(sent, self.headers.get("Authorization", "")))

    def _answer(self, status: int, said: dict) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def oidc_provider() -> Iterator[OIDCProvider]:
    """Serve a provider on loopback."""
    handler = type("OfThisProvider", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.provider = OIDCProvider(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
    yield handler.provider
    server.shutdown()
    server.server_close()
