#!/usr/bin/env python
"""Django's command line, and the portal's: `manage.py network …`, `manage.py vm …`."""

import gc
import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line

from virterweb import database_file, private_folder


def main(words: list[str]) -> None:
    """Run a command; exit with a sentence if the database is damaged, unless the command restores a backup."""
    command, database = "".join(words[1:2]), settings.DATABASES["default"]
    on_file = database["ENGINE"].endswith("sqlite3") and command != "restore"
    if on_file:
        database_file.require_intact(settings.DATA_DIR, database["NAME"], thorough=command == "migrate")
    try:
        execute_from_command_line(words)
    except Exception as error:
        if on_file and (problem := database_file.damage(error)):
            sys.exit(database_file.COMPLAINT.format(path=database["NAME"], problem=problem))
        raise


if __name__ == "__main__":
    gc.set_threshold(50_000)  # imports create many objects and hardly any garbage
    private_folder.restrict_new_files()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")
    main(sys.argv)
