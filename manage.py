#!/usr/bin/env python
"""Django's command line, and the portal's: `manage.py network …`, `manage.py vm …`."""

import gc
import os
import sys

from django.core.management import execute_from_command_line

from virterweb import private_folder

if __name__ == "__main__":
    gc.set_threshold(50_000)  # imports create many objects and hardly any garbage
    private_folder.restrict_new_files()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")
    execute_from_command_line(sys.argv)
