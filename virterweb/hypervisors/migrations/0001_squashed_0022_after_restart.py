from django.contrib.postgres.operations import CreateCollation
from virterweb.pages.tables import NATURAL
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import virterweb.hypervisors.uris
from django.db import migrations, models


class Migration(migrations.Migration):

    """All migrations up to the last that it replaces, as a new database gets them."""

    replaces = [
        ("hypervisors", "0001_initial"),
        ("hypervisors", "0002_lease_history"),
        ("hypervisors", "0003_host_facts"),
        ("hypervisors", "0004_guest_nics"),
        ("hypervisors", "0005_known_uris"),
        ("hypervisors", "0006_reading_problems"),
        ("hypervisors", "0007_kept_readings"),
        ("hypervisors", "0008_asked_polls"),
        ("hypervisors", "0009_kvm_proof"),
        ("hypervisors", "0010_operate_permission"),
        ("hypervisors", "0011_host_devices"),
        ("hypervisors", "0012_shared_schedule"),
        ("hypervisors", "0013_texts_of_any_length"),
        ("hypervisors", "0014_crashes"),
        ("hypervisors", "0015_plain_labels"),
        ("hypervisors", "0016_due"),
        ("hypervisors", "0017_natural_order"),
        ("hypervisors", "0018_plain_names"),
        ("hypervisors", "0019_workers"),
        ("hypervisors", "0020_secrets"),
        ("hypervisors", "0021_skeleton"),
        ("hypervisors", "0022_after_restart"),
    ]

    initial = True

    dependencies = [
    ]

    operations = [
        CreateCollation(NATURAL, provider="icu", locale="und-u-kn"),
        migrations.CreateModel(
            name='Chore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claimed_by', models.CharField(blank=True, editable=False)),
                ('claimed_until', models.DateTimeField(editable=False, null=True)),
                ('crashes', models.PositiveSmallIntegerField(default=0, editable=False, help_text='attempts in a row that crashed')),
                ('due_at', models.DateTimeField(editable=False, help_text='when a worker takes it up next; empty: at once', null=True)),
                ('name', models.CharField(help_text='the path of the function', unique=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Hypervisor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40, unique=True, validators=[django.core.validators.RegexValidator('^(?!(add|run|images)\\Z)[A-Za-z0-9][A-Za-z0-9._-]*\\Z', 'Letters, digits, dots and dashes.')])),
                ('uri', models.CharField(help_text='qemu:///system, qemu+ssh://root@host/system …', max_length=500, validators=[virterweb.hypervisors.uris.validate_uri], verbose_name='URI')),
                ('pool', models.CharField(default='default', help_text='storage pool for images and VM volumes', max_length=100)),
                ('access_network', models.CharField(default='default', help_text='the first NIC of every VM', max_length=100)),
                ('static_dhcp', models.BooleanField(default=False, help_text='running a VM never adds DHCP reservations; they must exist beforehand', verbose_name='static DHCP')),
                ('dnsmasq_options', models.TextField(blank=True, help_text='added to every new network, one per line')),
                ('disk_cache', models.CharField(blank=True, help_text="the disks' driver cache attribute", max_length=20)),
                ('shutdown_timeout', models.PositiveIntegerField(default=20, help_text='seconds until a VM that is shutting down is forced off')),
                ('ssh_keys', models.TextField(blank=True, help_text='public keys for every VM, one per line', verbose_name='SSH keys')),
                ('domain_type', models.CharField(choices=[('auto', 'auto: KVM if it works, otherwise emulation'), ('kvm', 'kvm'), ('qemu', 'qemu: emulation')], default='auto', max_length=4)),
                ('history_days', models.PositiveIntegerField(default=90, help_text='days for which ended leases are kept; 0: forever', verbose_name='lease history')),
                ('console_days', models.PositiveIntegerField(default=7, help_text='days for which the console log of a deleted VM is kept', verbose_name='console logs')),
                ('guest_network', models.CharField(choices=[('portal', 'Portal: each NIC as its network offers, or as configured'), ('virter', 'Virter-compatible: DHCP on all NICs if all networks have it, otherwise only on the first')], default='portal', help_text='configuration mode of guest networks, unless a VM has its own', max_length=6, verbose_name='guest network configuration')),
                ('after_restart', models.CharField(choices=[('leave off', 'leave VMs off and list them on the overview'), ('start', 'start the managed VMs that were running, in the order of their IDs')], default='leave off', help_text='What happens to VMs that were running when the host restarted. VMs that were already off stay off.', max_length=9, verbose_name='after a host restart')),
                ('skeleton', models.CharField(db_index=True, editable=False, help_text='names that look alike have the same value', max_length=16)),
            ],
            options={
                'ordering': ['name'],
                'permissions': (('operate', 'Can operate hypervisors'),),
            },
        ),
        migrations.CreateModel(
            name='Secret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(unique=True)),
                ('value', models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name='WorkerProcess',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='machine, PID and start of the process', unique=True)),
                ('seen_at', models.DateTimeField(help_text='time of its last heartbeat', verbose_name='last seen at')),
                ('hypervisors', models.TextField(blank=True, help_text='patterns of the hypervisors that it serves; empty: all')),
            ],
            options={
                'verbose_name_plural': 'worker processes',
            },
        ),
        migrations.CreateModel(
            name='HypervisorStatus',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claimed_by', models.CharField(blank=True, editable=False)),
                ('claimed_until', models.DateTimeField(editable=False, null=True)),
                ('crashes', models.PositiveSmallIntegerField(default=0, editable=False, help_text='attempts in a row that crashed')),
                ('due_at', models.DateTimeField(editable=False, help_text='when a worker takes it up next; empty: at once', null=True)),
                ('observed_at', models.DateTimeField(help_text='end of the last complete poll', null=True, verbose_name='last polled at')),
                ('asked_at', models.DateTimeField(help_text='when a poll was last asked for', null=True, verbose_name='poll requested at')),
                ('began_at', models.DateTimeField(help_text='when the last poll began, successful or not', null=True, verbose_name='last poll began at')),
                ('stale_at', models.DateTimeField(help_text='when slowly changing facts are read next', null=True, verbose_name='slow facts read next at')),
                ('volumes_read_at', models.DateTimeField(help_text='when the pool was last read', null=True)),
                ('volumes_tried_at', models.DateTimeField(help_text='when reading the pool was last attempted', null=True)),
                ('traffic_due_at', models.DateTimeField(help_text='when the counters of NICs are read next', null=True, verbose_name='traffic read next at')),
                ('seeds_compared', models.CharField(blank=True, help_text='digest of what the ISOs of guests were last compared with', max_length=64, verbose_name='compared ISO digest')),
                ('watched_at', models.DateTimeField(help_text='when an open page last asked for it', null=True, verbose_name='shown on a page at')),
                ('seconds', models.FloatField(default=0, help_text='how many seconds the last poll took', verbose_name='poll duration')),
                ('unreachable_since', models.DateTimeField(null=True)),
                ('error', models.TextField(blank=True)),
                ('detail', models.TextField(blank=True, verbose_name='libvirt error message')),
                ('uptime', models.FloatField(help_text='seconds since the host booted, at the last poll; empty: unknown', null=True)),
                ('restarted_at', models.DateTimeField(help_text='when a poll last found that the host had restarted', null=True, verbose_name='restart noticed at')),
                ('version', models.CharField(blank=True, verbose_name='libvirt version')),
                ('memory', models.PositiveBigIntegerField(default=0, help_text='memory of the host in MiB')),
                ('nic_models', models.JSONField(default=list, help_text='the models that its QEMU supports', verbose_name='NIC models')),
                ('kvm', models.BooleanField(help_text='whether a KVM guest has run; empty: not tried yet', null=True, verbose_name='KVM works')),
                ('kvm_problem', models.TextField(blank=True, help_text='why VMs are emulated after KVM was tried', verbose_name='KVM problem')),
                ('kvm_tried_at', models.DateTimeField(help_text='tried again after the host has booted', null=True, verbose_name='KVM tried at')),
                ('devices', models.JSONField(help_text="the host's network devices without taps; empty: unknown", null=True, verbose_name='network devices')),
                ('routes', models.JSONField(default=list, help_text='blocks that the host routes, with their devices')),
                ('addresses_checked_at', models.DateTimeField(help_text='when its addresses were last checked', null=True)),
                ('address_problems', models.PositiveIntegerField(default=0, help_text='problems of addresses that were found then')),
                ('worst_address_problem', models.PositiveSmallIntegerField(default=0, help_text='the category of the worst of them, 0 for the worst of all')),
                ('hypervisor', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='status', to='hypervisors.hypervisor')),
            ],
            options={
                'verbose_name_plural': 'hypervisor statuses',
            },
        ),
        migrations.CreateModel(
            name='ReadingProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('network', 'network {name}'), ('reservation', 'DHCP reservation {name} of network {within}'), ('leases', 'DHCP leases of network {within}'), ('lease', 'DHCP lease {name} of network {within}'), ('VM', 'VM {name}'), ('NIC', 'NIC {name} of VM {within}'), ('traffic', 'traffic of NIC {name}'), ('addresses', 'addresses of VM {name}'), ('seed', 'cloud-init data of VM {name}'), ('pool', 'pool {within}'), ('volume', 'volume {name} in pool {within}'), ('part', 'part of the poll: {name}')], max_length=20, verbose_name='type of object')),
                ('within', models.TextField(blank=True, verbose_name='part of')),
                ('key', models.TextField(blank=True, help_text='identifies the object among those of its kind')),
                ('name', models.TextField(blank=True)),
                ('reason', models.TextField(help_text='the end of a sentence')),
                ('detail', models.TextField(blank=True, verbose_name='libvirt error message')),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
                ('hypervisor', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reading_problems', to='hypervisors.hypervisor')),
            ],
            options={
                'verbose_name': 'unreadable object',
                'ordering': ['kind', 'within', 'name', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('hypervisor', 'kind', 'within', 'key'), name='reading_problem_once')],
            },
        ),
    ]
