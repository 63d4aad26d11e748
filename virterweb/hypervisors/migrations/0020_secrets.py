from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hypervisors", "0019_workers")]

    operations = [
        migrations.CreateModel(
            name="Secret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(unique=True)),
                ("value", models.TextField()),
            ],
        ),
    ]
