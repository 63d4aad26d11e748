import json
import re

from django.db import migrations

LACKS = (
    (re.compile(r"no network (\S+?)(?: on \S+)?\.?\Z"), "reason.no network"),
    (re.compile(r"network (\S+) is not active"), "reason.network is not active"),
)


def errors(apps, schema_editor):
    """Keep the sentences of VMs that failed for want of a network, with that as a code: they are tried again."""
    statuses = apps.get_model("vms", "VMStatus").objects
    for pk, text in statuses.exclude(error="").values_list("pk", "error"):
        for pattern, code in LACKS:
            if found := pattern.search(text):
                kept = {"code": "text", "text": text, "reason": {"code": code, "about": found[1]}}
                statuses.filter(pk=pk).update(error=json.dumps(kept, sort_keys=True, ensure_ascii=False))
                break
    schema_editor.connection.check_constraints()  # none is pending when PostgreSQL changes the tables


class Migration(migrations.Migration):
    dependencies = [("vms", "0022_codes_of_guests")]

    operations = [migrations.RunPython(errors, migrations.RunPython.noop)]
