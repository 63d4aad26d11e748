"""Commands and workers say in words what goes wrong: they know the texts of all messages that models raise."""

import json
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.integration

# Checks of forms, XML and rebuilds: each imports its own texts.
OF_CHECKS = ("block", "form", "rebuild", "xml")
MISSING = """\
import importlib, json, pathlib, sys
import django
django.setup()
from virterweb import messages
known = set(messages._WORDING)
for path in sorted(pathlib.Path().glob("*/**/*wording*")):
    if path.parts[0] in ("networks", "vms", "virterweb") and "__pycache__" not in path.parts:
        for file in path.glob("*.py") if path.is_dir() else [path]:
            importlib.import_module(".".join(file.with_suffix("").parts))
print(json.dumps(sorted(set(messages._WORDING) - known)))
"""


def test_a_process_without_pages_knows_the_texts_of_all_messages_but_those_of_checks():
    done = subprocess.run([sys.executable, "-c", MISSING], cwd=settings.BASE_DIR, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    missing = json.loads(done.stdout.splitlines()[-1])
    assert [code for code in missing if code.partition(".")[0] not in OF_CHECKS] == []
