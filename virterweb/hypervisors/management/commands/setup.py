"""`manage.py setup`: the first operator account and the hypervisors that the start script found."""

import os
import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from virterweb.activity.choices import Kind, Result
from virterweb.activity.models import Entry, Subject
from virterweb.activity.origin import system_user
from virterweb.hypervisors.models import Hypervisor
from virterweb.logs.context import about


class Command(BaseCommand):
    help = "Create the operator account `admin` if there is no operator, and register hypervisors."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--hypervisor",
            action="append",
            default=[],
            metavar="NAME=URI",
            help="register a hypervisor, or change the URI of the one with this name; can be repeated",
        )

    def handle(self, *args: object, hypervisor: list[str], **options: object) -> None:
        for text in hypervisor:
            name, equals, uri = text.partition("=")
            if not equals:
                raise CommandError(f"enter --hypervisor as NAME=URI, not as {text}")
            self._register(name, uri)
        _ = settings.SECRET_KEY  # stored now, before several web servers need it
        users = get_user_model().objects
        if not users.filter(is_superuser=True).exists():
            given = os.environ.get("VIRTERWEB_ADMIN_PASSWORD")
            password = given or secrets.token_urlsafe(9)
            users.create_superuser("admin", password=password)
            shown = "the one in VIRTERWEB_ADMIN_PASSWORD" if given else password
            self.stdout.write(f"Operator account created: user admin, password {shown}")

    def _register(self, name: str, uri: str) -> None:
        known = Hypervisor.objects.filter(name=name).first()
        if known is None:
            # The first hypervisor of a URI keeps the name and settings that an operator gave it.
            if not Hypervisor.objects.filter(uri=uri).exists():
                self._save(Hypervisor(name=name, uri=uri))
                self.stdout.write(f"Hypervisor {name} registered: {uri}")
        elif known.uri != uri:
            known.uri = uri
            self._save(known)
            self.stdout.write(f"Hypervisor {name} is now at {uri}")

    def _save(self, hypervisor: Hypervisor) -> None:
        """Save a hypervisor as a form would; raise CommandError with the problems of its name or URI."""
        try:
            hypervisor.full_clean()
        except ValidationError as problem:
            lines = (f"--hypervisor {hypervisor}: {text}" for text in problem.messages)
            raise CommandError("\n".join(lines)) from problem
        with transaction.atomic(), about(command="setup", user=system_user()):
            added = hypervisor.pk is None
            hypervisor.save()
            event, fields = ("created", {}) if added else ("edited", {"fields": ["URI"]})
            subject = Subject(kind=Kind.HYPERVISOR, hypervisor=hypervisor.name, hypervisor_id=hypervisor.pk)
            Entry.objects.record(subject, event, fields, result=Result.DONE)
