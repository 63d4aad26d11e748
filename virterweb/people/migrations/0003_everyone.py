"""Create the roles, and the team that everybody belongs to."""

from django.db import migrations

from virterweb.people.defaults import create


def create_defaults(apps, editor) -> None:
    create(*(apps.get_model("people", name) for name in ("Role", "Team", "Grant")))


class Migration(migrations.Migration):
    dependencies = [("people", "0002_teams")]
    operations = [migrations.RunPython(create_defaults, migrations.RunPython.noop)]
