"""The file with the directory."""

from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

from virterweb.people.sign_in.toml_file import WrongConfiguration, build, tables

LOOPBACK = ("localhost", "127.0.0.1", "::1")
GROUP_TYPES = ("groupOfNames", "nested", "posixGroup")


@dataclass(frozen=True, kw_only=True)
class Directory:
    """An LDAP directory, and where users and groups are in it."""

    uri: str
    user_base: str
    bind_dn: str = ""
    bind_password: str = field(default="", repr=False)
    user_filter: str = "(uid=%(user)s)"
    identifier: str = "entryUUID"  # attribute that stays when the name changes; objectGUID in Active Directory
    group_base: str = ""
    group_filter: str = "(objectClass=groupOfNames)"
    group_type: str = "groupOfNames"
    groups: dict[str, str] = field(default_factory=dict)  # group of the directory → group of the portal
    start_tls: bool = False
    ca_file: str = ""
    create_users: bool = True


@cache
def read(path: str) -> Directory:
    """Return the directory in a file.

    Raises:
        WrongConfiguration: The file cannot be used, or passwords would be sent without TLS.
    """
    found = build(Directory, path, tables(path))
    address = urlsplit(found.uri)
    if address.scheme not in ("ldap", "ldaps", "ldapi"):
        raise WrongConfiguration(f"{path}: uri must begin with ldaps:// or ldap://")
    if address.scheme == "ldap" and not found.start_tls and address.hostname not in LOOPBACK:
        raise WrongConfiguration(f"{path}: use ldaps:// or start_tls = true, so that passwords are encrypted")
    if found.group_type not in GROUP_TYPES:
        raise WrongConfiguration(f"{path}: group_type must be one of {', '.join(GROUP_TYPES)}")
    return found
