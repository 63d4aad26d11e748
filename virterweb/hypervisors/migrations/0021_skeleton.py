from django.db import migrations, models

from virterweb.pages.name_field import skeleton_key

HELP = "names that look alike have the same value"
KEY = {"db_index": True, "editable": False, "help_text": HELP, "max_length": 16}


def fill(apps, schema_editor) -> None:
    write(apps.get_model("hypervisors", "hypervisor").objects)


def write(rows: models.Manager) -> None:
    for name in rows.order_by().values_list("name", flat=True).distinct():
        rows.filter(name=name).update(skeleton=skeleton_key(name))


class Migration(migrations.Migration):
    """Find names that look alike by a column, and remember which hypervisors have problems of addresses."""

    dependencies = [("hypervisors", "0020_secrets")]

    operations = [
        migrations.AddField("hypervisor", "skeleton", models.CharField(default="", **KEY), preserve_default=False),
        migrations.AddField(
            "hypervisorstatus",
            "addresses_checked_at",
            models.DateTimeField(help_text="when its addresses were last checked", null=True),
        ),
        migrations.AddField(
            "hypervisorstatus",
            "address_problems",
            models.PositiveIntegerField(default=0, help_text="problems of addresses that were found then"),
        ),
        migrations.AddField(
            "hypervisorstatus",
            "worst_address_problem",
            models.PositiveSmallIntegerField(
                default=0, help_text="the category of the worst of them, 0 for the worst of all"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
