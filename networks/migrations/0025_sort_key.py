from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("networks", "0024_overwrite")]

    operations = [
        migrations.RenameField("lease", "place", "sort_key"),
        migrations.RenameField("dhcphoststatus", "place", "sort_key"),
    ]
