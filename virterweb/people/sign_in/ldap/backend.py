"""Checks passwords in the directory, and gives users their groups."""

import json
import logging

import ldap
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django_auth_ldap import config
from django_auth_ldap.backend import LDAPBackend
from django_auth_ldap.config import LDAPSettings

from virterweb.activity.sign_ins import account_connected
from virterweb.pages.characters import hidden_in
from virterweb.people.sign_in import groups
from virterweb.people.sign_in.toml_file import WrongConfiguration

from . import configuration

log = logging.getLogger("virterweb.people.sign_in")

SOURCE = groups.LDAP
SECONDS = 5  # that the directory has for an answer
GROUP_TYPES = {
    "groupOfNames": config.GroupOfNamesType,
    "nested": config.NestedGroupOfNamesType,
    "posixGroup": config.PosixGroupType,
}


def options_of(directory: configuration.Directory) -> dict[int, object]:
    """Return the options of a connection, of which the last has effect on those for TLS."""
    options = {ldap.OPT_NETWORK_TIMEOUT: SECONDS, ldap.OPT_TIMEOUT: SECONDS, ldap.OPT_REFERRALS: 0}
    options |= {ldap.OPT_X_TLS_CACERTFILE: directory.ca_file} if directory.ca_file else {}
    return {**options, ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND, ldap.OPT_X_TLS_NEWCTX: 0}


def settings_of(directory: configuration.Directory) -> dict[str, object]:
    """Return the settings of django-auth-ldap for a directory."""
    subtree, attributes = ldap.SCOPE_SUBTREE, ["*", directory.identifier]
    found = {
        "SERVER_URI": directory.uri,
        "START_TLS": directory.start_tls,
        "BIND_DN": directory.bind_dn,
        "BIND_PASSWORD": directory.bind_password,
        "CONNECTION_OPTIONS": options_of(directory),
        "USER_SEARCH": config.LDAPSearch(directory.user_base, subtree, directory.user_filter, attributes),
        "USER_ATTR_MAP": {"first_name": "givenName", "last_name": "sn"},
        "NO_NEW_USERS": not directory.create_users,
    }
    if directory.group_base:
        found["GROUP_SEARCH"] = config.LDAPSearch(directory.group_base, subtree, directory.group_filter)
        found["GROUP_TYPE"] = GROUP_TYPES[directory.group_type]()
    return found


class Backend(LDAPBackend):
    """A user of the directory has an account of the portal that is no one else's."""

    @property
    def directory(self) -> configuration.Directory:
        return configuration.read(settings.LDAP_FILE)

    def authenticate(self, request: HttpRequest | None, **credentials: str) -> User | None:
        try:
            self.settings = LDAPSettings("AUTH_LDAP_", settings_of(self.directory))
        except WrongConfiguration as error:
            log.error("VIRTERWEB_LDAP_FILE: %s", error)
            return None
        return super().authenticate(request, **credentials)

    def get_or_build_user(self, username: str, ldap_user: object) -> tuple[User, bool]:
        """Return the account of a user of the directory, or a new one; never one that exists for somebody else."""
        if account := SocialAccount.objects.filter(provider=SOURCE, uid=self._identifier(ldap_user)).first():
            return account.user, False
        name = username.lower()
        if User.objects.filter(username__iexact=name).exists():
            log.warning("%s of the directory has no account, because another user has this name", json.dumps(name))
            raise ldap_user.AuthenticationFailed("another user has this name")
        if hidden := hidden_in(name):
            raise ldap_user.AuthenticationFailed(f"the name has invisible characters: {hidden}")
        return User(username=name), True

    def authenticate_ldap_user(self, ldap_user: object, password: str) -> User | None:
        """Return the user whose password is right, with the groups that the directory says now."""
        user = super().authenticate_ldap_user(ldap_user, password)
        if user is None or not user.is_active:
            return None
        uid = self._identifier(ldap_user)
        _, is_new = SocialAccount.objects.get_or_create(provider=SOURCE, uid=uid, defaults={"user": user})
        if is_new:
            account_connected(user, SOURCE, user.get_username())
        try:
            found = ldap_user.group_names if self.settings.GROUP_SEARCH else set()
        except ldap.LDAPError as error:
            log.error("groups of %s cannot be read from the directory: %r", json.dumps(user.get_username()), error)
            return None
        known = self.directory.groups
        groups.apply(user, SOURCE, set(found), {known[name] for name in found if name in known})
        return user

    def get_user(self, user_id: int) -> None:
        """Return nobody: Django's own backend reads the user of a session, and asks no directory for it."""

    def get_group_permissions(self, user: User, obj: object = None) -> set[str]:
        """Return none: permissions come with the groups of the portal."""
        return set()

    def _identifier(self, ldap_user: object) -> str:
        name = self.directory.identifier
        if name not in ldap_user.attrs:
            log.error("%s has no attribute %s in the directory", ldap_user.dn, name)
            raise ldap_user.AuthenticationFailed(f"no {name}")
        value = ldap_user.attrs[name][0]
        return value.hex() if isinstance(value, bytes) else value
