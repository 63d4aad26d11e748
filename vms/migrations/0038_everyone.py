"""Give what the portal manages to the team that everybody belongs to."""

from django.db import migrations

from virterweb.people.defaults import EVERYONE


def give_to_everyone(apps, editor) -> None:
    everyone = apps.get_model("people", "Team").objects.filter(name=EVERYONE).first()
    for name in ("VM", "Image"):
        apps.get_model("vms", name).objects.filter(managed=True).update(team=everyone)


class Migration(migrations.Migration):
    dependencies = [("vms", "0037_team"), ("people", "0003_everyone")]
    operations = [migrations.RunPython(give_to_everyone, migrations.RunPython.noop)]
