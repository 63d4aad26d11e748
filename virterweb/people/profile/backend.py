"""Reads users together with their preferences, which each page needs."""

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser


class Backend(ModelBackend):
    """Django's backend for passwords and sessions, whose query for the user of a session has the preferences too."""

    def get_user(self, user_id: int) -> AbstractBaseUser | None:
        user = get_user_model().objects.select_related("preferences").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
