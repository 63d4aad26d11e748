"""The permission "Can operate hypervisors"; staff users were operators before, and stay so."""

from django.conf import settings
from django.db import migrations


def keep_staff_operators(apps, schema_editor):
    User = apps.get_model(*settings.AUTH_USER_MODEL.split("."))
    staff = User.objects.filter(is_staff=True, is_superuser=False)
    if not staff.exists():
        return  # a fresh database: Django makes the permission by itself
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    kind, _ = ContentType.objects.get_or_create(app_label="hypervisors", model="hypervisor")
    name = {"name": "Can operate hypervisors"}
    operate, _ = Permission.objects.get_or_create(content_type=kind, codename="operate", defaults=name)
    for user in staff:
        user.user_permissions.add(operate)


class Migration(migrations.Migration):
    dependencies = [
        ("hypervisors", "0009_kvm_proof"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="hypervisor",
            options={"ordering": ["name"], "permissions": (("operate", "Can operate hypervisors"),)},
        ),
        migrations.RunPython(keep_staff_operators, migrations.RunPython.noop),
    ]
