from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("networks", "0022_due")]

    operations = [
        migrations.RenameField("networkstatus", "cut", "disconnected"),
        migrations.RenameField("network", "cut_off", "allow_disconnect"),
        migrations.AlterField(
            "networkstatus",
            "suspect",
            models.JSONField(
                default=list,
                help_text="NICs that may be disconnected: as those of `disconnected`, with their port and packets received",
            ),
        ),
    ]
