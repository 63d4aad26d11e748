"""Invitations: a signed link by which a new user sets the password, once, within seven days."""

import json
import logging

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from virterweb.activity import sign_ins

log = logging.getLogger(__package__)


class Tokens(PasswordResetTokenGenerator):
    """Makes and checks the signature in a link. It contains the password's hash, so it is valid until one is set."""

    key_salt = "virterweb.people.sign_in.invitations"

    def check_token(self, user: AbstractUser | None, token: str | None) -> bool:
        return bool(user and is_open(user)) and super().check_token(user, token)


tokens = Tokens()


def is_open(user: AbstractUser) -> bool:
    """Return whether a user is without a password that an invitation would set."""
    return user.is_active and not user.has_usable_password()


def link(user: AbstractUser, inviter: str) -> str:
    """Return the path of a new link for a user without a password. Links that were made before are valid too."""
    log.info("invitation of %s by %s", json.dumps(user.get_username()), json.dumps(inviter))
    sign_ins.invited(user)
    number = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("invitation", kwargs={"uidb64": number, "token": tokens.make_token(user)})
