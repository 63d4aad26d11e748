from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("networks", "0016_names_of_any_length")]

    operations = [migrations.RenameField("networkstatus", "wish", "desired")]
