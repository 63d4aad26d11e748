"""The table by which all processes count attempts to sign in and remember codes that were used."""

from django.core.management import call_command
from django.db import migrations


def create_table(apps, schema_editor):
    call_command('createcachetable', database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.RunPython(create_table, migrations.RunPython.noop),
    ]
