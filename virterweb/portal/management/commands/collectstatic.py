"""Django's `collectstatic`, which can also run at each start."""

from argparse import ArgumentParser

from django.contrib.staticfiles.management.commands import collectstatic
from django.contrib.staticfiles.storage import staticfiles_storage


class Command(collectstatic.Command):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--unless-done", action="store_true", help="Do nothing if these files are collected already."
        )

    def handle(self, **options: object) -> str | None:
        if options["unless_done"] and staticfiles_storage.hashed_files:
            return None
        return super().handle(**options)
