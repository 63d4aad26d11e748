from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("networks", "0023_disconnected")]

    operations = [
        migrations.RenameField("network", "exact", "overwrite"),
        migrations.AlterField(
            "network",
            "overwrite",
            models.BooleanField(
                default=False,
                editable=False,
                help_text="also undo what was changed outside the portal, DHCP reservations included",
            ),
        ),
    ]
