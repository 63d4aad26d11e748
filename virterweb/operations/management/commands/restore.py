"""`manage.py restore FILE`: a portal from its backup."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from virterweb.operations.backup.archive import is_encrypted
from virterweb.operations.backup.restore import require_permission, restore
from virterweb.operations.backup.wording import BackupError
from virterweb.operations.management import passphrases


class Command(BaseCommand):
    help = "Restore database, keys and uploads from a file that `manage.py backup` wrote."
    requires_system_checks = []  # the database may be missing or damaged

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the backup")
        parser.add_argument("--replace", action="store_true", help="replace everything that this portal has")
        passphrases.add_argument(parser)

    def handle(self, *args: object, file: Path, replace: bool, passphrase_file: Path | None, **options: object) -> None:
        try:
            require_permission(replace=replace)
            passphrase = ""
            if is_encrypted(file):
                passphrase = passphrases.read(passphrase_file) if passphrase_file else passphrases.ask(twice=False)
            restore(file, passphrase)
        except BackupError as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{file} is restored. Start the portal.")
