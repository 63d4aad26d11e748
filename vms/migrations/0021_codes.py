import json
import re

from django.db import migrations, models

LACKS = (
    (re.compile(r"no network (\S+?)(?: on \S+)?\.?\Z"), "no network"),
    (re.compile(r"network (\S+) is not active"), "network is not active"),
)


def refusals(apps, schema_editor):
    """Keep the sentences of NICs that were refused, with what they say of networks as codes."""
    nics = apps.get_model("vms", "NIC").objects
    for pk, text in nics.exclude(refused_text="").values_list("pk", "refused_text"):
        code = {"code": "libvirt", "text": text, "reason": "", "about": ""}
        for pattern, reason in LACKS:
            if found := pattern.search(text):
                code |= {"reason": reason, "about": found[1]}
        nics.filter(pk=pk).update(refused=code)
    schema_editor.connection.check_constraints()  # none is pending when PostgreSQL changes the tables


def drift(apps, schema_editor):
    """Keep what differs with its words; the next poll compares again."""
    statuses = apps.get_model("vms", "VMStatus").objects
    rows = statuses.exclude(drift="").values_list("pk", "drift", "differences")
    for pk, text, differences in rows:
        lines = text.split("\n")
        whole = len(lines) == len(differences)
        codes = [_code(lines[index] if whole else "", each) for index, each in enumerate(differences)]
        codes = codes or [{"text": line} for line in lines]
        kept = "\n".join(json.dumps(code, sort_keys=True, ensure_ascii=False) for code in codes)
        statuses.filter(pk=pk).update(drift=kept, compared=0)
    schema_editor.connection.check_constraints()  # none is pending when PostgreSQL changes the tables


def _code(line, found):
    if found["aspect"] == "domain":
        return {"aspect": "domain", "saved": found["saved"], "stored": None}
    code = {name: found[name] for name in ("aspect", "nic", "added") if found[name]}
    return code | {"text": line or f"{found['title']}: wanted {found['saved']}"}


class Migration(migrations.Migration):
    dependencies = [("vms", "0020_desired")]

    operations = [
        migrations.RenameField("nic", "refused", "refused_text"),
        migrations.AddField(
            "nic",
            "refused",
            models.JSONField(editable=False, help_text="why it was refused: a code with its parameters", null=True),
        ),
        migrations.RunPython(refusals, migrations.RunPython.noop),
        migrations.RemoveField("nic", "refused_text"),
        migrations.RunPython(drift, migrations.RunPython.noop),
        migrations.RemoveField("vmstatus", "differences"),
    ]
