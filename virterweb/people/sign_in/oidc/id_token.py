"""Checks of an ID token, as OpenID Connect Core 1.0 (3.1.3.7) says."""

import hashlib
import hmac

import jwt

# Signatures of the provider's own key. Not among them: none, and HS256, whose key is the client secret.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY = 60  # seconds by which the clocks of the two machines may differ


class WrongToken(Exception):
    """The ID token is not the one that was asked for."""


def nonce_for(verifier: str) -> str:
    """Return the nonce of an attempt: like its PKCE verifier, only this browser's session has what it is made of."""
    return hashlib.sha256(f"nonce {verifier}".encode()).hexdigest()


def checked(token: object, keys: dict, *, issuer: str, client_id: str, nonce: str) -> dict:
    """Return the claims of an ID token.

    Raises:
        WrongToken: It is malformed, expired, of another issuer, client or attempt, or the signature is wrong.
    """
    try:
        claims = jwt.decode(
            token,
            key=_key(token, keys),
            algorithms=ALGORITHMS,
            issuer=issuer,
            audience=client_id,
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WrongToken(f"{type(error).__name__}: {error}") from error
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise WrongToken("the nonce is not the one of this attempt")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", "" if several else client_id) != client_id:
        raise WrongToken("it was issued to another client")
    return claims


def _key(token: object, keys: dict) -> jwt.PyJWK:
    """Return the provider's key that the header of the token names, or its only one."""
    known = jwt.PyJWKSet.from_dict(keys).keys
    name = jwt.get_unverified_header(token).get("kid")
    found = [key for key in known if key.public_key_use in (None, "sig") and name in (None, key.key_id)]
    if len(found) != 1:
        raise WrongToken("no key of the provider has signed it")
    return found[0]
