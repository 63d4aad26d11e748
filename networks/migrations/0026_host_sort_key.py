from ipaddress import ip_address

from django.db import migrations, models

KEY = {"db_index": True, "editable": False, "help_text": "the IP version and the IP in hexadecimal", "max_length": 33}


def fill(apps, schema_editor) -> None:
    hosts = apps.get_model("networks", "DHCPHost").objects
    rows = list(hosts.only("ip"))
    for row in rows:
        address = ip_address(row.ip)
        row.sort_key = f"{address.version}{address.packed.hex()}"
    hosts.bulk_update(rows, ["sort_key"], batch_size=500)


class Migration(migrations.Migration):
    """Sort requested reservations by their address, as those that libvirt has."""

    dependencies = [("networks", "0025_sort_key")]

    operations = [
        migrations.AlterField("dhcphoststatus", "sort_key", models.CharField(**KEY)),
        migrations.AlterField("lease", "sort_key", models.CharField(**KEY)),
        migrations.AddField("dhcphost", "sort_key", models.CharField(default="", **KEY), preserve_default=False),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
