import json

from django.db import migrations

CODES = {"shared MAC": "nic.shared_mac", "other MAC": "nic.other_mac", "not attachable": "nic.not_attachable"}


def refusals(apps, schema_editor):
    """Keep why NICs were refused as messages."""
    nics = apps.get_model("vms", "NIC").objects
    for pk, refused in nics.exclude(refused=None).values_list("pk", "refused"):
        nics.filter(pk=pk).update(refused=refusal(refused))


def drift(apps, schema_editor):
    """Keep why the stored side of a NIC is unknown as messages, as the next comparison finds them again."""
    statuses = apps.get_model("vms", "VMStatus").objects
    for pk, text in statuses.filter(drift__contains='"problem"').values_list("pk", "drift"):
        statuses.filter(pk=pk).update(drift="\n".join(difference(line) for line in text.split("\n")))


def errors(apps, schema_editor):
    """Keep the refusals of NICs that are part of the errors of VMs as messages."""
    for model, fields in (("VMStatus", ("error", "progress")), ("VMRevision", ("error",))):
        for field in fields:
            rows = apps.get_model("vms", model).objects
            for pk, text in rows.filter(**{f"{field}__contains": '"nics.'}).values_list("pk", field):
                rows.filter(pk=pk).update(**{field: error(text)})


def refusal(old):
    """Return why a NIC was refused as it is stored now."""
    message = old.get("message") or encoded(message_of(old))
    return {"message": message, **({name: old[name] for name in ("reason", "about")} if old.get("reason") else {})}


def difference(line):
    code = read(line)
    if "problem" not in code:
        return line
    return encoded({**code, "problem": refusal(code["problem"])})


def error(text):
    code = read(text)
    return encoded(nested(code)) if code else text


def nested(value):
    """Return a message in which each refusal of a NIC is a message."""
    if isinstance(value, dict) and str(value.get("code")).startswith("nics."):
        refused = [message_of(each) for each in value.get("refused", ())]
        return {**value, "refused": refused}
    return {name: nested(each) for name, each in value.items()} if isinstance(value, dict) else value


def message_of(old):
    """Return the message of a refusal: {"code": …, parameters}."""
    if "message" in old:
        return read(old["message"]) or {"code": "text", "text": old["message"]}
    if old.get("code") == "libvirt":
        return {"code": "text", "text": old.get("text", "")}
    return {**old, "code": CODES.get(old["code"], old["code"])}


def read(text):
    """Return what JSON a text is, {} if it is none of an object."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def encoded(code):
    return json.dumps(code, sort_keys=True, ensure_ascii=False)


class Migration(migrations.Migration):
    dependencies = [("vms", "0035_interrupted")]

    operations = [
        migrations.RunPython(refusals, migrations.RunPython.noop),
        migrations.RunPython(drift, migrations.RunPython.noop),
        migrations.RunPython(errors, migrations.RunPython.noop),
    ]
