"""`manage.py invite`: a new user, and the link by which that user sets the password."""

from argparse import ArgumentParser

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from virterweb.pages.characters import hidden_in
from virterweb.people.sign_in import invitations


class Command(BaseCommand):
    help = "Create a user without a password, and print a link by which the user sets it within 7 days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the user name; a user without a password gets a new link")
        parser.add_argument("--url", default="", help="the address of the portal, for example https://lab.example")

    def handle(self, *args: object, name: str, url: str, **options: object) -> None:
        users = get_user_model()
        user = users.objects.filter(username=name).first() or self._new(users(username=name))
        if not invitations.is_open(user):
            raise CommandError(f"user {name} has a password already, or is deactivated")
        self.stdout.write(f"{(url or portal()).rstrip('/')}{invitations.link(user, 'manage.py invite')}")

    def _new(self, user: object) -> object:
        if hidden := hidden_in(user.get_username()):
            raise CommandError(f"remove the invisible characters: {hidden}")
        user.set_unusable_password()
        try:
            user.full_clean()
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages)) from problem
        user.save()
        return user


def portal() -> str:
    """Return the address of the portal, as far as the settings say it."""
    return next(iter(settings.CSRF_TRUSTED_ORIGINS), f"http://{settings.ALLOWED_HOSTS[0]}:8000")
