"""The file with the providers. Secrets belong in a file, because other users can see environment variables."""

import logging
import re
from dataclasses import dataclass, field

from virterweb.people.sign_in.toml_file import WrongConfiguration, build, tables

log = logging.getLogger(__name__)

KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider. Its key is in the callback address and in the database: it belongs to one issuer for ever."""

    key: str
    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    groups_claim: str = "groups"
    groups: dict[str, str] = field(default_factory=dict)  # value in the claim → group of the portal
    scopes: list[str] = field(default_factory=lambda: ["openid", "profile"])
    create_users: bool = True

    def groups_for(self, claims: dict) -> set[str]:
        """Return the groups of the portal for the claims of a user."""
        return {self.groups[value] for value in self.reported(claims) if value in self.groups}

    def reported(self, claims: dict) -> list[str]:
        """Return the groups of a user at the provider. The claim may be inside others, as `realm_access.roles`."""
        found = claims.get(self.groups_claim)
        if found is None:
            found = claims
            for part in self.groups_claim.split("."):
                found = found.get(part) if isinstance(found, dict) else None
        found = [found] if isinstance(found, str) else found
        return [value for value in found if isinstance(value, str)] if isinstance(found, list) else []


def read(path: str) -> dict[str, Provider]:
    """Return the providers in a file by their keys.

    Raises:
        WrongConfiguration: The file cannot be used.
    """
    if not path:
        return {}
    return {key: _provider(path, key, table) for key, table in tables(path).items()}


def providers(path: str) -> dict[str, Provider]:
    """Return the providers in a file, or none if it is wrong, so that people can sign in with passwords meanwhile."""
    try:
        return read(path)
    except WrongConfiguration as error:
        log.error("VIRTERWEB_OIDC_FILE: %s", error)
        return {}


def _provider(path: str, key: str, table: object) -> Provider:
    if not KEY.fullmatch(key) or not isinstance(table, dict):
        raise WrongConfiguration(f"{path}: [{key}]: use lower-case letters, digits and hyphens for the name of a table")
    return build(Provider, f"{path}: [{key}]", table, key=key)
