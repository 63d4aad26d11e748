from django.db import migrations, models


class Migration(migrations.Migration):
    """Which VMs are off although they were running and nobody stopped them."""

    dependencies = [("vms", "0034_fingerprint")]

    operations = [
        migrations.AddField(
            "vmstatus",
            "interrupted",
            models.CharField(
                blank=True,
                choices=[
                    ("host", "it was running before the host restarted"),
                    ("shutdown", "it shut down shortly before the host restarted"),
                    ("libvirt", "it was running before libvirt restarted"),
                    ("rebuilt", "it should run, but was not started when the hypervisor was rebuilt"),
                ],
                help_text="why it stopped running",
                max_length=8,
            ),
        ),
        migrations.AddField(
            "vmstatus",
            "interrupted_at",
            models.DateTimeField(
                help_text="when a poll found that it had stopped, or that its guest had shut down without a request", null=True
            ),
        ),
        migrations.AddField(
            "vmstatus",
            "interrupted_power",
            models.PositiveIntegerField(
                default=0, help_text="the power_generation at that time: a later request ends the interruption"
            ),
        ),
        migrations.AddIndex(
            "vmstatus",
            models.Index(
                fields=["desired"], condition=models.Q(("interrupted", ""), _negated=True), name="vm_interrupted"
            ),
        ),
    ]
