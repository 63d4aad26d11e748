"""Valid and hostile values for requests and commands."""

import os

from tests.support.making import DEFAULT, SSH_KEY

SEED = int(os.environ.get("VIRTERWEB_FUZZ_SEED", "20261129"))
SHARE = float(os.environ.get("VIRTERWEB_FUZZ_SHARE", "1"))

MAC, OTHER = "52:54:00:00:00:08", "52:54:00:00:00:09"
LONG = 30_000

DOMAIN = f"""<domain type='qemu'><name>alma-8-8</name><memory>131072</memory><os><type>hvm</type></os><devices>
<interface type='network'><mac address='{MAC}'/><source network='default'/><model type='virtio'/></interface>
</devices></domain>"""

VALID = [
    *("lab-1", "default", "net1", "alma-8-8", "other", "1", "2", "8", "yes", "on", MAC, OTHER, "10.255.0.8", "fd00::8"),
    *("10.255.0.1/24", "fd00:255::1/64", "nat", "route", "bridge", "virtio", "next", "alma-8", "br0", "virbr0", "all"),
    *("start", "stop", "remove", "adopt", "move", "up", "down", "add", "retry", "add-nic", "drop-nic-0", "12h"),
    *("10.255.0.2-10.255.0.9 12h", f"{MAC} 10.255.0.8 alma", "10.8.0.0/16 via 10.255.0.7", "1000,2000,3000", SSH_KEY),
    *(
        "#cloud-config\npackages: [vim]\n",
        "#!/bin/sh\ntrue\n",
        "NAME vlan=10,20 trunk",
        "2026-11-01",
        "2026-11-01T10:00",
    ),
    DEFAULT.replace("{uuid}", "c7a5fdbd-cdaf-9455-926a-d65c16db1809"),
]
DOCUMENT = VALID[-1]
HOSTILE = [
    *("", " ", "-1", "0", "00", "1.5", "1e999", "NaN", "inf", "9" * 5000, "-" + "9" * 5000, "0x10", "1_0", "+1"),
    *("²", "①", "٣", "１", "\u202e", "\u200b", "\ufeff", "é" * 300, "💥", "İ", "ß", "\x7f", "\x1b[2J", "\r\n", "\t"),
    *("[" * LONG, "{" * LONG, "(" * LONG, "<a>" * LONG, "[[" * 500 + "]]" * 500, "a" * LONG, "a:" * LONG, "," * LONG),
    *(" " * LONG, "\n" * LONG, "=" * LONG, "-" * LONG, "." * LONG, ":" * LONG, "/" * LONG, "%" * 99, "\\" * 999),
    *(
        "0.0.0.0/0",
        "255.255.255.255/32",
        "10.0.0.1/33",
        "10.0.0.1/-1",
        "::/0",
        "::1/128",
        "::ffff:1.2.3.4",
        "1.2.3.4.5",
    ),
    *(
        "10.0.0.1/24/24",
        "fe80::1%eth0",
        "fe80::1%eth0/64",
        "fd96::5",
        "FD96::5",
        "10.1",
        "1",
        "01.02.03.04",
        "١٠.0.0.1",
    ),
    *(
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "52-54-00-00-00-08",
        "525400000008",
        "52:54:0:0:0:8",
        "gg:54:00:00:00:08",
    ),
    *(
        "0001-01-01",
        "9999-12-31",
        "9999-12-31T23:59:59",
        "2026-02-30",
        "0000-00-00",
        "10000-01-01",
        "2026-W01-1",
        "24:00",
    ),
    *(
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        "~",
        "C:\\",
        "file:///etc",
        "javascript:alert(1)",
        "http://[",
        "//x",
        "http://[::1",
    ),
    *(
        "http://a:99999999/",
        "http://x/\ud7ff",
        "?",
        "#",
        "&",
        ";",
        "'",
        '"',
        "`",
        "$(id)",
        "{{ 7*7 }}",
        "{% csrf_token %}",
        "%s%n",
    ),
    *(
        "<?xml version='1.0'?>",
        "<network/>",
        "<network><name>net1</name></network>",
        "<!DOCTYPE a><a/>",
        "<a",
        "]]>",
        "&#0;",
    ),
    '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><network>&c;</network>',
    "<network><name>net1</name><ip address='x' prefix='y'/><ip address='FD96::5' prefix='999'/></network>",
    "<network><name>net1</name><route address='10.0.0.0' prefix='77' gateway='x'/><mtu size='-1'/></network>",
    "<network><name>net1</name><ip address='10.0.0.1' netmask='255.0.255.0'/></network>",
    "<network><name>net1</name><ip address='10.0.0.1' prefix='24'><dhcp><host ip='FD96::5'/></dhcp></ip></network>",
    "<network><name>net1</name>" + "<portgroup name='a'>" * 400,
    *(
        "#cloud-config\n" + "[" * 3000,
        "#cloud-config\n" + "a: " * 3000,
        "#cloud-config\na: &a [*a]\n",
        "#cloud-config\n? ?\n",
    ),
    "#cloud-config\na: &a [x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c]\n",
    *("#cloud-config\n- - - -\n", "#cloud-config\n!!python/object:os.system {}\n", "#cloud-config\n2026-99-99\n"),
    *(
        "#cloud-config\na: 9999-99-99\n",
        "#cloud-config\na: 0x\n",
        "#cloud-config\n1: 2\n{}: 3\n",
        "#cloud-config\n[1]: 2\n",
    ),
    *(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n",
        "Content-Type: multipart/mixed\n\n",
        "#include\nhttp://x",
        "\x1f\x8b",
    ),
    *(
        "{",
        "[]",
        "null",
        '{"a":' * 9000,
        "a=b&" * 900,
        "1;2;3\n" * 900,
        "dhcp-host=" * 900,
        "<host " * 900,
        "id:" + "0" * 999,
    ),
]
