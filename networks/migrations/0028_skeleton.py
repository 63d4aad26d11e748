from django.db import migrations, models

from virterweb.pages.name_field import skeleton_key

HELP = "names that look alike have the same value"
KEY = {"db_index": True, "editable": False, "help_text": HELP, "max_length": 16}


def fill(apps, schema_editor) -> None:
    write(apps.get_model("networks", "network").objects)


def write(rows: models.Manager) -> None:
    for name in rows.order_by().values_list("name", flat=True).distinct():
        rows.filter(name=name).update(skeleton=skeleton_key(name))


def sort(apps, schema_editor) -> None:
    """Let PostgreSQL read the first names of a long list in their natural order; SQLite's tools lack that order."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('CREATE INDEX networks_network_natural ON networks_network (name COLLATE "natural_order", id)')


class Migration(migrations.Migration):
    """Find names that look alike by a column."""

    dependencies = [("hypervisors", "0021_skeleton"), ("networks", "0027_plain_names")]

    operations = [
        migrations.AddField("network", "skeleton", models.CharField(default="", **KEY), preserve_default=False),
        migrations.AddIndex(
            "networkstatus",
            models.Index(fields=["desired"], condition=models.Q(present=False), name="network_absent"),
        ),
        migrations.AddIndex(
            "networkstatus",
            models.Index(
                fields=["desired"], condition=~models.Q(error="") | ~models.Q(drift=""), name="network_attention"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(sort, migrations.RunPython.noop),
    ]
