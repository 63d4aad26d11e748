from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hypervisors", "0015_plain_labels")]

    operations = [
        migrations.RenameField("hypervisorstatus", "next_look", "due_at"),
        migrations.AlterField(
            "hypervisorstatus",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
    ]
