"""Take the private SSH keys out of the texts of public keys: earlier versions stored whatever was pasted."""

import base64
import re

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ONE_LINE = re.compile(r"-*BEGIN [A-Z0-9 ]*PRIVATE KEY.*?END [A-Z0-9 ]*PRIVATE KEY-*", re.IGNORECASE)
BEGIN = re.compile(r"BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File|^\s*b3BlbnNzaC1rZXktdjEA", re.IGNORECASE)
# A key without its frame, or a whole file in base64. Of ASN.1, private keys begin with a small version, or with what
# they are encrypted by.
PACKED = re.compile(r"\s*((?:M|LS0t|UHVU)[A-Za-z0-9+/]{23,})=*\s*")
IN_ASN1 = re.compile(
    rb"0(?:[\x01-\x7f]|\x81.|\x82..)(?:\x02\x01[\x00-\x03]|0.\x06.\x2a\x86\x48\x86\xf7\x0d\x01[\x05\x0c])",
    re.DOTALL,
)
END = re.compile(r"END [A-Z0-9 ]*PRIVATE KEY|Private-MAC:|Private-Hash:", re.IGNORECASE)
# What a key of OpenSSH, PEM or PuTTY consists of: base64, blank lines, and headers like Proc-Type and Comment.
INSIDE = re.compile(r"\s*([A-Za-z0-9+/=]*|[A-Za-z0-9-]+: .*)\s*")


def without_private_keys(text: str) -> str:
    """Return a text without the private keys in it, those that are cut off included; all else stays as it is."""
    kept, inside = [], False
    for line in text.splitlines(keepends=True):
        if ONE_LINE.search(line):
            line = ONE_LINE.sub("", line)
            kept.append(line if line.strip() else "")
        elif BEGIN.search(line) or _is_packed(line):
            inside = True
        elif inside and END.search(line):
            inside = False
        elif not (inside and INSIDE.fullmatch(line)):
            inside = False
            kept.append(line)
    return "".join(kept)


def _is_packed(line: str) -> bool:
    packed = PACKED.fullmatch(line)
    data = base64.b64decode(packed[1][: len(packed[1]) // 4 * 4]) if packed else b""
    return bool(IN_ASN1.match(data) or BEGIN.search(data.decode("ascii", "replace")))


def clean(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for model in (apps.get_model("hypervisors", "Hypervisor"), apps.get_model("vms", "VM")):
        for pk, keys in list(model.objects.exclude(ssh_keys="").values_list("pk", "ssh_keys")):
            if (public := without_private_keys(keys)) != keys:
                model.objects.filter(pk=pk).update(ssh_keys=public)


class Migration(migrations.Migration):
    dependencies = [("vms", "0016_crashes")]

    operations = [migrations.RunPython(clean, migrations.RunPython.noop)]
