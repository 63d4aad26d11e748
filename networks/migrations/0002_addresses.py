from dataclasses import asdict
from ipaddress import ip_address

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from networks.definition.document.parse import parse


def write_found_hosts(apps, schema_editor):
    """As a look would, for hypervisors that cannot be looked at now."""
    entries = apps.get_model('networks', 'DHCPHostStatus').objects
    for status in apps.get_model('networks', 'NetworkStatus').objects.exclude(document=''):
        for host in parse(status.document).hosts:
            ip = ip_address(host.ip)
            entries.create(network_id=status.wish_id, place=f'{ip.version}{ip.packed.hex()}', **asdict(host))


class Migration(migrations.Migration):

    dependencies = [
        ('hypervisors', '0002_lease_history'),
        ('networks', '0001_initial'),
    ]

    operations = [
        migrations.DeleteModel('Lease'),  # read again within seconds
        migrations.AddField(
            model_name='networkstatus',
            name='leases_print',
            field=models.CharField(blank=True, help_text='fingerprint of the leases as last read', max_length=32),
        ),
        migrations.CreateModel(
            name='DHCPHostStatus',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mac', models.CharField(blank=True, db_index=True, max_length=17, verbose_name='MAC')),
                ('duid', models.CharField(blank=True, max_length=400, verbose_name='DUID')),
                ('ip', models.GenericIPAddressField(verbose_name='IP')),
                ('place', models.CharField(db_index=True, help_text='the IP in hexadecimal, behind its version', max_length=33)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('lease', models.PositiveIntegerField(help_text='seconds; 0: for ever', null=True)),
                ('network', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='found_hosts', to='networks.network')),
            ],
            options={
                'verbose_name': 'DHCP host status',
                'verbose_name_plural': 'DHCP host statuses',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='DNSAnswers',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('answers', models.JSONField(default=dict, help_text="each name's addresses")),
                ('asked_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(help_text='when it is asked again; empty: now, for names have changed', null=True)),
                ('error', models.TextField(blank=True, help_text='why it could not be asked')),
                ('network', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='dns_answers', to='networks.network')),
            ],
            options={
                'verbose_name_plural': 'DNS answers',
            },
        ),
        migrations.CreateModel(
            name='Lease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('network_name', models.CharField(max_length=255)),
                ('mac', models.CharField(db_index=True, max_length=17, verbose_name='MAC')),
                ('ip', models.GenericIPAddressField(verbose_name='IP')),
                ('place', models.CharField(db_index=True, help_text='the IP in hexadecimal, behind its version', max_length=33)),
                ('hostname', models.CharField(blank=True, max_length=255)),
                ('client_id', models.TextField(blank=True, verbose_name='client ID')),
                ('vm', models.CharField(blank=True, help_text='the VMs that had the MAC, by name', max_length=255, verbose_name='VM')),
                ('words', models.CharField(help_text='what it is found by: host name, VM, MAC without colons', max_length=530)),
                ('expires_at', models.DateTimeField(null=True)),
                ('first_seen', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_seen', models.DateTimeField(help_text='empty: it holds now', null=True)),
                ('release_asked_at', models.DateTimeField(help_text='when somebody asked that it be released', null=True)),
                ('release_problem', models.TextField(blank=True, help_text='why it could not be released')),
                ('hypervisor', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='leases', to='hypervisors.hypervisor')),
                ('network', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='leases', to='networks.network')),
            ],
            options={
                'ordering': ['pk'],
                'indexes': [models.Index(fields=['last_seen', 'words'], name='lease_words')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('last_seen', None)), fields=('network', 'mac', 'ip'), name='lease_once_a_network')],
            },
        ),
        migrations.RunPython(write_found_hosts, migrations.RunPython.noop),
    ]
