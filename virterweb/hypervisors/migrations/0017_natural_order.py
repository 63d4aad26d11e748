from django.contrib.postgres.operations import CreateCollation
from django.db import migrations

from virterweb.pages.tables import NATURAL


class Migration(migrations.Migration):
    """Let PostgreSQL sort names by their numbers: vm-2 comes before vm-10."""

    dependencies = [("hypervisors", "0016_due")]

    operations = [CreateCollation(NATURAL, provider="icu", locale="und-u-kn")]
