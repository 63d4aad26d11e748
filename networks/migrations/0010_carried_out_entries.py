"""Host entries that were added for a VM stayed asked for: those that libvirt has are asked for no longer."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Exists, F, OuterRef


def settle(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    same = {name: OuterRef(name) for name in ("network", "mac", "duid", "name", "ip")}
    found = apps.get_model("networks", "DHCPHostStatus").objects.filter(**same)
    entries = apps.get_model("networks", "DHCPHost").objects.filter(Exists(found), removed_at=None)
    entries.filter(network__managed=False).delete()
    entries.filter(network__status__generation__gte=F("network__generation")).update(asked_at=None)


class Migration(migrations.Migration):
    dependencies = [("networks", "0009_restarting")]

    operations = [migrations.RunPython(settle, migrations.RunPython.noop)]
