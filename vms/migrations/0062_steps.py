from django.db import migrations, models

import virterweb.message_field

STEP = "the step in progress, or what a pending change waits for"


def clear(apps, schema_editor):
    """Forget how far work was that a worker of the earlier version did: it is recorded again."""
    for name in ("ImageStatus", "ImageExport"):
        apps.get_model("vms", name).objects.exclude(done_bytes=0, total_bytes=0).update(done_bytes=0, total_bytes=0)


def done_bytes():
    return models.PositiveBigIntegerField(default=0, help_text="of the step in progress")


def total_bytes():
    return models.PositiveBigIntegerField(default=0, help_text="of the step in progress; 0: unknown")


def progress():
    return virterweb.message_field.MessageField(blank=True, help_text=STEP)


class Migration(migrations.Migration):
    dependencies = [("vms", "0061_traffic_history")]

    operations = [
        migrations.RenameField("imagestatus", "sent", "done_bytes"),
        migrations.AlterField("imagestatus", "done_bytes", done_bytes()),
        migrations.RenameField("imagestatus", "total", "total_bytes"),
        migrations.AlterField("imagestatus", "total_bytes", total_bytes()),
        migrations.AlterField("imagestatus", "progress", progress()),
        migrations.RenameField("imageexport", "done", "done_bytes"),
        migrations.AlterField("imageexport", "done_bytes", done_bytes()),
        migrations.AddField("imageexport", "total_bytes", total_bytes()),
        migrations.AlterField("imageexport", "progress", progress()),
        migrations.RemoveField("snapshotrequest", "percent"),
        migrations.AddField("snapshotrequest", "progress", progress()),
        migrations.AddField("snapshotrequest", "done_bytes", done_bytes()),
        migrations.AddField("snapshotrequest", "total_bytes", total_bytes()),
        migrations.AddField("vmstatus", "done_bytes", done_bytes()),
        migrations.AddField("vmstatus", "total_bytes", total_bytes()),
        migrations.AlterField("vmstatus", "progress", progress()),
        migrations.RunPython(clear, migrations.RunPython.noop),
    ]
