"""Texts that were stored and compared become codes; drift is found anew by the next poll."""

import re

from django.db import migrations, models

# The fields' names as they were stored.
TITLES = {
    "name": "Name",
    "uuid": "UUID",
    "title": "Title",
    "description": "Description",
    "metadata": "Metadata",
    "forward mode": "Forward mode",
    "forward interface": "Forward device",
    "forward nat ipv6": "NAT of IPv6",
    "forward nat port": "NAT ports",
    "forward nat address": "NAT addresses",
    "bridge name": "Bridge",
    "bridge stp": "STP",
    "bridge delay": "Bridge delay",
    "bridge zone": "Firewall zone",
    "mtu size": "MTU",
    "mac address": "MAC of the host",
    "port isolated": "Isolated ports",
    "domain name": "Domain",
    "domain localOnly": "Domain answered here only",
    "dns enable": "DNS",
    "dns forwarder": "DNS forwarder",
    "dns host": "DNS host",
    "dns txt": "TXT record",
    "dns srv": "SRV record",
    "ip": "Block",
    "ip tftp root": "TFTP root",
    "ip dhcp range": "DHCP range",
    "ip dhcp host": "Host entry",
    "ip dhcp bootp file": "Boot file",
    "ip dhcp bootp server": "Boot server",
    "route": "Route",
    "portgroup": "Port group",
    "vlan tag": "VLAN tag",
    "vlan trunk": "VLAN trunk",
    "dnsmasq option": "dnsmasq option",
    "bandwidth inbound": "Bandwidth in",
    "bandwidth outbound": "Bandwidth out",
}
PATHS = {title: path for path, title in TITLES.items()}
LISTED = [
    *("Host entry", "DHCP range", "DNS host", "DNS forwarder", "TXT record", "SRV record", "Forward device"),
    *("forward address", "Port group", "Route", "VLAN tag", "Metadata", "dnsmasq option", "Block"),
]


def field(title: str) -> list[str]:
    """Return path and block of a field's name."""
    name, _, block = title.rpartition(" of ")
    if name and ("/" in block or block == "no address"):
        return [PATHS.get(name, name), block]
    return [PATHS.get(title, title), ""]


def difference(line: str) -> list[str] | None:
    """Return the code of a difference: path, block, wanted and found value."""
    if match := re.fullmatch(r"(.+?): found (.*), wanted (.*)", line):
        title, found, wanted = match.groups()
        return [*field(title), "" if wanted == "none" else wanted, "" if found == "none" else found]
    for title in LISTED:
        if match := re.fullmatch(rf"{re.escape(title)}(?: of (\S+/\d+|no address))? (.+) is missing", line):
            return [PATHS.get(title, title), match[1] or "", match[2], ""]
    return None


def step(shown: dict) -> dict:
    """Return an accepted step as code."""
    code = {"variant": "", "network": "", "fields": [], "stored": [], "command": "", "field": ["", ""]}
    code |= {"value": "", "was": "", **{name: value for name, value in shown.items() if name != "text"}, "note": ""}
    text = shown.get("text", "")
    if match := re.fullmatch(r"Stop (\S+?)(, which libvirt then forgets)?", text):
        return code | {"network": match[1], "variant": "transient" if match[2] else ""}
    if match := re.match(r"Restart (\S+), for libvirt cannot change this live: ", text):
        fields, _, stored = text[match.end() :].partition(". What others have stored takes effect as well: ")
        code |= {"network": match[1], "fields": [field(title) for title in fields.split(", ")]}
        more = {"variant": "stored", "stored": [field(title) for title in stored.split(", ")]} if stored else {}
        return code | more
    if match := re.fullmatch(r"(Add|Change|Delete) (.+?)(?: of (\S+))?: (.*)", text, re.DOTALL):
        paths = {title.lower(): path for title, path in PATHS.items()}
        was, _, value = match[4].rpartition(" → ") if match[1] == "Change" else ("", "", match[4])
        code |= {"command": match[1].lower(), "field": [paths.get(match[2].lower(), match[2]), match[3] or ""]}
        return code | {"was": was, "value": value}
    return code


def to_codes(apps, schema_editor) -> None:
    status = apps.get_model("networks", "NetworkStatus")
    status.objects.exclude(drift="").update(compared=0)
    for row in status.objects.exclude(ignored="").only("pk", "ignored"):
        codes = [code for line in row.ignored.splitlines() if (code := difference(line))]
        status.objects.filter(pk=row.pk).update(not_kept=codes)
    revision = apps.get_model("networks", "Revision")
    for row in revision.objects.only("pk", "what", "result").iterator():
        values = {"event": "text", "about": {"text": row.what}}
        if row.result not in ("", "done"):
            values |= {"result": "failed", "error": row.result}
        revision.objects.filter(pk=row.pk).update(**values)
    network = apps.get_model("networks", "Network")
    for row in network.objects.exclude(accepted=None).only("pk", "accepted"):
        network.objects.filter(pk=row.pk).update(accepted=[step(each) for each in row.accepted])
    schema_editor.connection.check_constraints()  # none is pending when PostgreSQL changes the tables


class Migration(migrations.Migration):
    dependencies = [("networks", "0017_desired")]

    operations = [
        migrations.AddField(
            "networkstatus",
            "not_kept",
            models.JSONField(
                default=list, help_text="differences that stay after a push: path, block, wanted and found value of each"
            ),
        ),
        migrations.AddField(
            "revision",
            "event",
            models.CharField(default="text", help_text="what changed it"),
            preserve_default=False,
        ),
        migrations.AddField("revision", "about", models.JSONField(default=dict, help_text="the event's parameters")),
        migrations.AddField("revision", "error", models.TextField(blank=True, help_text="why it failed, in a sentence")),
        migrations.RunPython(to_codes, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField("networkstatus", "ignored"),
        migrations.RemoveField("revision", "what"),
        migrations.AlterField(
            "revision", "plan", models.JSONField(default=list, help_text="the steps that were done")
        ),
        migrations.AlterField(
            "revision",
            "result",
            models.CharField(
                blank=True,
                choices=[("done", "Done"), ("failed", "Failed")],
                help_text="empty while it is in progress",
            ),
        ),
    ]
