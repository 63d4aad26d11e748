import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import networks.definition.rules
import networks.models.adoption
import networks.models.comparison
import networks.models.reservation_ids
import uuid
from django.conf import settings
from django.db import migrations, models


def sort(apps, schema_editor) -> None:
    """Let PostgreSQL read the first names of a long list in their natural order; SQLite's tools lack that order."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('CREATE INDEX networks_network_natural ON networks_network (name COLLATE "natural_order", id)')


class Migration(migrations.Migration):

    """All migrations up to the last that it replaces, as a new database gets them."""

    replaces = [
        ("networks", "0001_initial"),
        ("networks", "0002_addresses"),
        ("networks", "0003_large_numbers"),
        ("networks", "0004_kept_readings"),
        ("networks", "0005_agreed_definition"),
        ("networks", "0006_host_entries_by_all_that_tells_them"),
        ("networks", "0007_transient_networks"),
        ("networks", "0008_drafts"),
        ("networks", "0009_restarting"),
        ("networks", "0010_carried_out_entries"),
        ("networks", "0011_claimed_dns_answers"),
        ("networks", "0012_texts_of_any_length"),
        ("networks", "0013_crashes"),
        ("networks", "0014_removal_names_vms"),
        ("networks", "0015_suspect_nics"),
        ("networks", "0016_names_of_any_length"),
        ("networks", "0017_desired"),
        ("networks", "0018_codes"),
        ("networks", "0019_plain_words"),
        ("networks", "0020_plain_labels"),
        ("networks", "0021_network_revisions"),
        ("networks", "0022_due"),
        ("networks", "0023_disconnected"),
        ("networks", "0024_overwrite"),
        ("networks", "0025_sort_key"),
        ("networks", "0026_host_sort_key"),
        ("networks", "0027_plain_names"),
        ("networks", "0028_skeleton"),
        ("networks", "0029_request_of_change"),
        ("networks", "0030_fingerprint"),
    ]

    initial = True

    dependencies = [
        ('hypervisors', '0001_squashed_0022_after_restart'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Network',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('generation', models.PositiveIntegerField(default=1, editable=False)),
                ('managed', models.BooleanField(default=True, editable=False, help_text='False: created outside the portal; shown, but never changed')),
                ('removed_at', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('request', models.CharField(blank=True, editable=False, help_text='ID of the request that made the last change, for logs')),
                ('skeleton', models.CharField(db_index=True, editable=False, help_text='names that look alike have the same value', max_length=16)),
                ('name', models.CharField(validators=[networks.definition.rules.validate_name])),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, verbose_name='UUID')),
                ('document', models.TextField(blank=True, help_text="the complete definition as libvirt's XML, without DHCP reservations", verbose_name='XML')),
                ('active', models.BooleanField(default=True, help_text='the network is active')),
                ('autostart', models.BooleanField(default=True, help_text='the network starts with the host')),
                ('on_drift', models.CharField(choices=[('ask', 'only show the changes'), ('take', 'accept changes from libvirt'), ('put back', 'revert to saved definition, unless running VMs would be disconnected')], default='ask', max_length=8, verbose_name='when changed outside the portal')),
                ('allow_disconnect', models.JSONField(default=list, editable=False, help_text='the names of the running VMs that deletion may disconnect', verbose_name='VMs that may be disconnected')),
                ('overwrite', models.BooleanField(default=False, editable=False, help_text='also undo what was changed outside the portal, DHCP reservations included', verbose_name='revert outside changes')),
                ('accepted', models.JSONField(editable=False, help_text='the steps that were shown before saving', null=True, verbose_name='accepted steps')),
                ('agreed', models.TextField(blank=True, editable=False, help_text='the document that was last applied or adopted', verbose_name='last applied definition')),
                ('agreed_active', models.BooleanField(editable=False, help_text='empty: `active` was requested explicitly', null=True, verbose_name='last applied active')),
                ('agreed_autostart', models.BooleanField(editable=False, help_text='empty: `autostart` was requested explicitly', null=True, verbose_name='last applied autostart')),
                ('agreed_persistent', models.BooleanField(default=True, editable=False, help_text='empty: storing the definition in libvirt was requested', null=True, verbose_name='last applied persistence')),
                ('hypervisor', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='hypervisors.hypervisor')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': [django.db.models.functions.text.Lower('name'), 'pk'],
            },
            bases=(networks.models.adoption.Adoption, networks.models.reservation_ids.ReservationIDs, networks.models.comparison.Comparison, models.Model),
        ),
        migrations.CreateModel(
            name='Lease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('network_name', models.CharField()),
                ('mac', models.CharField(db_index=True, max_length=17, verbose_name='MAC')),
                ('ip', models.GenericIPAddressField(verbose_name='IP')),
                ('sort_key', models.CharField(db_index=True, editable=False, help_text='the IP version and the IP in hexadecimal', max_length=33)),
                ('hostname', models.CharField(blank=True, verbose_name='host name')),
                ('client_id', models.TextField(blank=True, verbose_name='client ID')),
                ('vm', models.CharField(blank=True, help_text='the names of the VMs that had the MAC', verbose_name='VM')),
                ('words', models.CharField(help_text='what the search finds it by: host name, VM, MAC without colons', verbose_name='search text')),
                ('expires_at', models.DateTimeField(null=True)),
                ('first_seen', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_seen', models.DateTimeField(help_text='empty: the lease is valid now', null=True)),
                ('release_asked_at', models.DateTimeField(null=True, verbose_name='release requested at')),
                ('release_problem', models.TextField(blank=True, help_text='why it could not be released')),
                ('hypervisor', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='leases', to='hypervisors.hypervisor')),
                ('network', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='leases', to='networks.network')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='DNSAnswers',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claimed_by', models.CharField(blank=True, editable=False)),
                ('claimed_until', models.DateTimeField(editable=False, null=True)),
                ('crashes', models.PositiveSmallIntegerField(default=0, editable=False, help_text='attempts in a row that crashed')),
                ('due_at', models.DateTimeField(editable=False, help_text='when a worker takes it up next; empty: at once', null=True)),
                ('answers', models.JSONField(default=dict, help_text='the addresses of each name')),
                ('asked_at', models.DateTimeField(null=True, verbose_name='queried at')),
                ('error', models.TextField(blank=True, help_text='why dnsmasq could not be asked')),
                ('network', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='dns_answers', to='networks.network')),
            ],
            options={
                'verbose_name': 'DNS answers',
                'verbose_name_plural': 'DNS answers',
            },
        ),
        migrations.CreateModel(
            name='DHCPHostStatus',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mac', models.CharField(blank=True, db_index=True, max_length=17, verbose_name='MAC')),
                ('duid', models.CharField(blank=True, verbose_name='DUID')),
                ('ip', models.GenericIPAddressField(verbose_name='IP')),
                ('sort_key', models.CharField(db_index=True, editable=False, help_text='the IP version and the IP in hexadecimal', max_length=33)),
                ('name', models.CharField(blank=True, verbose_name='host name')),
                ('lease', models.PositiveBigIntegerField(help_text='seconds; 0: infinite', null=True, verbose_name='lease time')),
                ('network', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='found_hosts', to='networks.network')),
            ],
            options={
                'verbose_name': 'DHCP reservation status',
                'verbose_name_plural': 'DHCP reservation statuses',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='DHCPHost',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mac', models.CharField(blank=True, max_length=17, validators=[networks.definition.rules.validate_mac], verbose_name='MAC')),
                ('duid', models.CharField(blank=True, help_text='of an IPv6 guest', max_length=400, verbose_name='DUID')),
                ('ip', models.GenericIPAddressField(verbose_name='IP')),
                ('sort_key', models.CharField(db_index=True, editable=False, help_text='the IP version and the IP in hexadecimal', max_length=33)),
                ('name', models.CharField(blank=True, max_length=253, validators=[networks.definition.rules.validate_domain], verbose_name='host name')),
                ('lease', models.PositiveIntegerField(blank=True, help_text='seconds; 0: infinite', null=True, verbose_name='lease time')),
                ('removed_at', models.DateTimeField(editable=False, null=True)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, help_text='when it was requested; empty: it has been applied', null=True, verbose_name='requested at')),
                ('network', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hosts', to='networks.network')),
            ],
            options={
                'verbose_name': 'DHCP reservation',
                'verbose_name_plural': 'DHCP reservations',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='NetworkRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('generation', models.PositiveIntegerField()),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='saved at')),
                ('event', models.CharField(help_text='what changed it')),
                ('about', models.JSONField(default=dict, help_text="the event's parameters", verbose_name='event parameters')),
                ('document', models.TextField(verbose_name='definition')),
                ('result', models.CharField(blank=True, choices=[('done', 'Done'), ('failed', 'Failed')], help_text='empty while it is in progress')),
                ('error', models.TextField(blank=True, help_text='why it failed, in a sentence')),
                ('seconds', models.FloatField(help_text='how many seconds applying it took', null=True, verbose_name='duration')),
                ('active', models.BooleanField(default=True)),
                ('autostart', models.BooleanField(default=True)),
                ('plan', models.JSONField(default=list, help_text='the steps that were carried out', verbose_name='executed steps')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='saved by')),
                ('desired', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='networks.network', verbose_name='network')),
            ],
            options={
                'ordering': ['-pk'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='NetworkStatus',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claimed_by', models.CharField(blank=True, editable=False)),
                ('claimed_until', models.DateTimeField(editable=False, null=True)),
                ('crashes', models.PositiveSmallIntegerField(default=0, editable=False, help_text='attempts in a row that crashed')),
                ('due_at', models.DateTimeField(editable=False, help_text='when a worker takes it up next; empty: at once', null=True)),
                ('generation', models.PositiveIntegerField(default=0, help_text='the generation of the desired configuration that this refers to')),
                ('made_at', models.DateTimeField(help_text='when it was first applied; empty: it is undone if it fails', null=True)),
                ('observed_at', models.DateTimeField(help_text='when the observed values last changed', null=True)),
                ('error', models.TextField(blank=True, help_text='why the generation failed, in a sentence')),
                ('detail', models.TextField(blank=True, help_text='the error message of libvirt')),
                ('drift', models.TextField(blank=True, help_text='differences between libvirt and the desired configuration, one per line')),
                ('progress', models.TextField(blank=True, help_text='what a pending change waits for')),
                ('tries', models.PositiveIntegerField(default=0)),
                ('forward_mode', models.CharField(blank=True)),
                ('ip_range', models.TextField(blank=True, verbose_name='IP range')),
                ('domain', models.TextField(blank=True)),
                ('dhcp', models.TextField(blank=True, verbose_name='DHCP')),
                ('bridge', models.CharField(blank=True)),
                ('present', models.BooleanField(default=False, help_text='libvirt has the object', verbose_name='exists in libvirt')),
                ('active', models.BooleanField(default=False)),
                ('autostart', models.BooleanField(default=False)),
                ('persistent', models.BooleanField(default=True)),
                ('document', models.TextField(blank=True, help_text='the definition found in libvirt, the running one if it is active', verbose_name='definition')),
                ('stored', models.TextField(blank=True, help_text='the stored definition of an active network, if it differs', verbose_name='stored definition')),
                ('fingerprint', models.CharField(blank=True, help_text='digest of what libvirt had when it was last recorded')),
                ('not_kept', models.JSONField(default=list, help_text='differences that remain after a push: path, block, desired and found value of each', verbose_name='ignored differences')),
                ('disconnected', models.JSONField(default=list, help_text='disconnected NICs: UUID and name of the VM, and MAC', verbose_name='disconnected NICs')),
                ('suspect', models.JSONField(default=list, help_text='NICs that may be disconnected: as those of `disconnected`, with their port and packets received', verbose_name='possibly disconnected NICs')),
                ('started_at', models.DateTimeField(help_text='when its last start was observed', null=True, verbose_name='last started at')),
                ('checked_at', models.DateTimeField(help_text='when its disconnected NICs were last checked', null=True, verbose_name='NICs checked at')),
                ('compared', models.PositiveIntegerField(default=0, help_text='the desired generation that drift was computed for', verbose_name='compared generation')),
                ('draft', models.TextField(blank=True, help_text='the complete document of the last change that libvirt refused', verbose_name='refused definition')),
                ('draft_error', models.TextField(blank=True, help_text='why it was refused, in a sentence', verbose_name='refusal')),
                ('draft_detail', models.TextField(blank=True, help_text='the error message of libvirt', verbose_name='libvirt error message of the refusal')),
                ('restarting', models.BooleanField(default=False, help_text='a worker has stopped the network and starts it again', verbose_name='restart in progress')),
                ('leases_print', models.CharField(blank=True, help_text='digest of the leases as last read', max_length=32, verbose_name='lease digest')),
                ('leases_read_at', models.DateTimeField(help_text='when they were last read', null=True)),
                ('leases_due_at', models.DateTimeField(help_text='when they are read again; empty: at the next poll', null=True, verbose_name='leases read next at')),
                ('desired', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='status', to='networks.network', verbose_name='network')),
            ],
            options={
                'verbose_name_plural': 'network statuses',
            },
        ),
        migrations.AddConstraint(
            model_name='network',
            constraint=models.UniqueConstraint(fields=('hypervisor', 'uuid'), name='network_uuid_once_a_hypervisor'),
        ),
        migrations.AddConstraint(
            model_name='network',
            constraint=models.UniqueConstraint(condition=models.Q(('managed', True)), fields=('hypervisor', 'name'), name='network_name_once_a_hypervisor'),
        ),
        migrations.AddIndex(
            model_name='lease',
            index=models.Index(fields=['last_seen', 'words'], name='lease_words'),
        ),
        migrations.AddConstraint(
            model_name='lease',
            constraint=models.UniqueConstraint(condition=models.Q(('last_seen', None)), fields=('network', 'mac', 'ip'), name='lease_once_a_network'),
        ),
        migrations.AddConstraint(
            model_name='dhcphost',
            constraint=models.UniqueConstraint(fields=('network', 'mac', 'duid', 'name', 'ip'), name='host_entry_once_a_network'),
        ),
        migrations.AddIndex(
            model_name='networkstatus',
            index=models.Index(condition=models.Q(('present', False)), fields=['desired'], name='network_absent'),
        ),
        migrations.AddIndex(
            model_name='networkstatus',
            index=models.Index(condition=models.Q(models.Q(('error', ''), _negated=True), models.Q(('drift', ''), _negated=True), _connector='OR'), fields=['desired'], name='network_attention'),
        ),
        migrations.RunPython(sort, migrations.RunPython.noop),
    ]
