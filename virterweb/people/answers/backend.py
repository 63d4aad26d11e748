"""Django's permissions by the portal's rights, for the admin and for templates."""

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Model

from virterweb.hypervisors.models import OPERATE, Hypervisor
from virterweb.people import rights
from virterweb.people.verbs import Verb


class RightsBackend(BaseBackend):
    """Answers `user.has_perm("edit", network)` and `user.has_perm("hypervisors.operate", hypervisor)`."""

    def has_perm(self, user: AbstractBaseUser, permission: str, thing: Model | None = None) -> bool:
        if permission == OPERATE:
            return rights.is_operator(user, thing if isinstance(thing, Hypervisor) else None)
        return thing is not None and permission in Verb.values and rights.may(user, Verb(permission), thing)
