from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("vms", "0019_names_of_any_length")]

    operations = [
        migrations.RenameField("imagestatus", "wish", "desired"),
        migrations.RenameField("vmstatus", "wish", "desired"),
    ]
