from django.db import migrations, models


class Migration(migrations.Migration):
    """What happens to VMs after a restart of their host, and how it is noticed."""

    dependencies = [("hypervisors", "0021_skeleton")]

    operations = [
        migrations.AddField(
            "hypervisor",
            "after_restart",
            models.CharField(
                choices=[
                    ("leave off", "leave VMs off and list them on the overview"),
                    ("start", "start the managed VMs that were running, in the order of their IDs"),
                ],
                default="leave off",
                help_text="What happens to VMs that were running when the host restarted. VMs that were already off stay off.",
                max_length=9,
                verbose_name="after a host restart",
            ),
        ),
        migrations.AddField(
            "hypervisorstatus",
            "restarted_at",
            models.DateTimeField(
                help_text="when a poll last found that the host had restarted",
                null=True,
                verbose_name="restart noticed at",
            ),
        ),
        migrations.AddField(
            "hypervisorstatus",
            "uptime",
            models.FloatField(help_text="seconds since the host booted, at the last poll; empty: unknown", null=True),
        ),
    ]
