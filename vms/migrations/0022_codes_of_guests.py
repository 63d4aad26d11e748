from django.db import migrations, models

REFUSED = {
    "tells nothing that can be read": "unreadable",
    "does not let the portal run a program": "forbidden",
}


def codes(apps, schema_editor):
    reports = apps.get_model("vms", "GuestReport").objects
    for text, code in REFUSED.items():
        reports.filter(refused=text).update(refused=code)
    schema_editor.connection.check_constraints()  # none is pending when PostgreSQL changes the tables


class Migration(migrations.Migration):
    dependencies = [("vms", "0021_codes")]

    operations = [
        migrations.AlterField(
            "guestreport", "refused", models.TextField(blank=True, help_text="why it does not tell, as a code")
        ),
        migrations.RunPython(codes, migrations.RunPython.noop),
    ]
