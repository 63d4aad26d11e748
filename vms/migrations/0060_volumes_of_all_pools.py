import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import F


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Name the pool of each volume; workers read the other pools at once."""
    pools, volumes = apps.get_model("vms", "StoragePool").objects, apps.get_model("vms", "Volume").objects
    statuses = apps.get_model("hypervisors", "HypervisorStatus").objects.select_related("hypervisor")
    for status in statuses.order_by("pk"):
        hypervisor, own = status.hypervisor, volumes.filter(hypervisor=status.hypervisor)
        found = pools.filter(hypervisor=hypervisor, name=hypervisor.pool)
        if own.exists() and not found.exists():
            pools.create(hypervisor=hypervisor, name=hypervisor.pool)
        found.update(read_at=status.volumes_read_at)
        own.update(pool=found.first())
    pools.exclude(name=F("hypervisor__pool")).update(due_at=None, read_at=None)
    # PostgreSQL changes no table with rows that are still to be checked.
    schema_editor.connection.check_constraints(table_names=["vms_storagepool", "vms_volume"])


class Migration(migrations.Migration):
    dependencies = [
        ("hypervisors", "0026_archs"),
        ("vms", "0059_linked_clones"),
    ]

    operations = [
        migrations.DeleteModel(name="PoolVolume"),
        migrations.AddField(
            model_name="volume",
            name="pool",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="volumes",
                to="vms.storagepool",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="volume", name="volume_once_a_hypervisor"),
        migrations.RemoveIndex(model_name="volume", name="volume_unused"),
        migrations.RemoveIndex(model_name="volume", name="volume_to_delete"),
        migrations.RemoveField(model_name="volume", name="hypervisor"),
        migrations.AlterField(
            model_name="volume",
            name="pool",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="volumes", to="vms.storagepool"
            ),
        ),
        migrations.AddConstraint(
            model_name="volume",
            constraint=models.UniqueConstraint(fields=("pool", "name"), name="volume_once_a_pool"),
        ),
        migrations.AddIndex(
            model_name="volume",
            index=models.Index(
                condition=models.Q(("unused_since", None), _negated=True), fields=["pool"], name="volume_unused"
            ),
        ),
        migrations.AddIndex(
            model_name="volume",
            index=models.Index(
                condition=models.Q(("delete_asked_at", None), _negated=True),
                fields=["pool"],
                name="volume_to_delete",
            ),
        ),
    ]
