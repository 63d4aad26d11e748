"""`manage.py backup FILE`: the whole portal in one file."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from virterweb.operations.backup.create import create
from virterweb.operations.backup.wording import BackupError
from virterweb.operations.management import passphrases


class Command(BaseCommand):
    help = "Write database, keys and uploads on their way to one file, also while the portal runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="file to write; an existing one is replaced when this is complete")
        parser.add_argument("--encrypt", action="store_true", help="encrypt it with a passphrase, which is asked for")
        passphrases.add_argument(parser)

    def handle(self, *args: object, file: Path, encrypt: bool, passphrase_file: Path | None, **options: object) -> None:
        try:
            passphrase = ""
            if passphrase_file:
                passphrase = passphrases.read(passphrase_file)
            elif encrypt:
                passphrase = passphrases.ask(twice=True)
            create(file, passphrase)
        except BackupError as problem:
            raise CommandError(str(problem)) from problem
        kind = "encrypted" if passphrase else "not encrypted: it contains the portal's keys, so keep it secret"
        self.stdout.write(f"Backup written to {file} ({filesizeformat(file.stat().st_size)}, {kind}).")
