from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vms", "0026_vm_revisions")]

    operations = [
        migrations.RenameField("vmstatus", "retry_at", "due_at"),
        migrations.AlterField(
            "vmstatus",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
        migrations.RenameField("imagestatus", "retry_at", "due_at"),
        migrations.AlterField(
            "imagestatus",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
        migrations.RenameField("consolelog", "next_at", "due_at"),
        migrations.AlterField(
            "consolelog",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
        migrations.RenameField("sshcheck", "next_at", "due_at"),
        migrations.AlterField(
            "sshcheck",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
        migrations.RenameField("addressround", "next_at", "due_at"),
        migrations.AlterField(
            "addressround",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
        migrations.AddField(
            "guestrun",
            "due_at",
            models.DateTimeField(editable=False, help_text="when a worker takes it up next; empty: at once", null=True),
        ),
    ]
