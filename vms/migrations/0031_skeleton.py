from django.db import migrations, models

from virterweb.pages.name_field import skeleton_key

HELP = "names that look alike have the same value"
KEY = {"db_index": True, "editable": False, "help_text": HELP, "max_length": 16}


def fill(apps, schema_editor) -> None:
    write(apps.get_model("vms", "vm").objects)
    write(apps.get_model("vms", "image").objects)


def write(rows: models.Manager) -> None:
    for name in rows.order_by().values_list("name", flat=True).distinct():
        rows.filter(name=name).update(skeleton=skeleton_key(name))


def sort(apps, schema_editor) -> None:
    """Let PostgreSQL read the first names of a long list in their natural order; SQLite's tools lack that order."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('CREATE INDEX vms_vm_natural ON vms_vm (name COLLATE "natural_order", id)')


class Migration(migrations.Migration):
    """Find names that look alike by a column."""

    dependencies = [("hypervisors", "0021_skeleton"), ("vms", "0030_upload_parts")]

    operations = [
        migrations.AddField("vm", "skeleton", models.CharField(default="", **KEY), preserve_default=False),
        migrations.AddField("image", "skeleton", models.CharField(default="", **KEY), preserve_default=False),
        migrations.AddIndex(
            "vmstatus",
            models.Index(fields=["desired"], condition=models.Q(present=False), name="vm_absent"),
        ),
        migrations.AddIndex(
            "vmstatus",
            models.Index(
                fields=["desired"], condition=~models.Q(error="") | ~models.Q(drift=""), name="vm_attention"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(sort, migrations.RunPython.noop),
    ]
