from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("networks", "0020_plain_labels")]

    operations = [
        migrations.RenameModel("Revision", "NetworkRevision"),
        migrations.RenameField("networkrevision", "network", "desired"),
    ]
