from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("networks", "0021_network_revisions")]

    operations = [
        migrations.RenameField("networkstatus", "retry_at", "due_at"),
        migrations.AlterField(
            "networkstatus",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
        migrations.AlterField(
            "dnsanswers",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
    ]
