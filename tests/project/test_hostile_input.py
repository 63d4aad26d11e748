"""Whatever is sent to an address or a command, the answer is no failure of the portal, and comes soon.

All inputs come from a seed, which is printed; VIRTERWEB_FUZZ_SEED repeats a run, VIRTERWEB_FUZZ_SHARE shortens it.
"""

import argparse
import contextlib
import io
import os
import random
import time
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command, load_command_class
from django.core.management.base import CommandError
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from networks.changes.forms import NetworkForm
from networks.reservations.forms import HostEntryForm, IDsForm, PasteForm
from tests.support.making import (
    DEFAULT,
    SSH_KEY,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from virterweb.hypervisors.models import Hypervisor
from vms.images.form import ImageForm
from vms.models import VM
from vms.nics.form import NICChangeForm
from vms.run.form import RunForm

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("VIRTERWEB_FUZZ_SEED", "20261129"))
SHARE = float(os.environ.get("VIRTERWEB_FUZZ_SHARE", "1"))
REQUESTS, COMMANDS = 16_500, 3_500
LONGEST = 4.0  # seconds of this process for one answer
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
HEADERS = {
    "HX-Request": ("true", "false"),
    "HX-Current-URL": (
        "http://[",
        "http://a:b:c/",
        "//",
        "\\",
        "http://x/%zz",
        "http://[::1/",
        "http://localhost/networks/",
    ),
    "HX-Target": ("x", "", "'"),
    "HX-Trigger-Name": ("x",),
    "Accept-Language": ("de", "x" * 999, "*;q=x"),
    "Referer": ("http://[", "x"),
    "X-Forwarded-For": ("x", "1.2.3.4, x"),
    "If-Modified-Since": ("x", "Thu, 99 Foo 0000 99:99:99 GMT", "9" * 500),
    "If-None-Match": ("x", '"', "*"),
    "Range": ("bytes=9-1", "bytes=" + "9" * 99 + "-", "x"),
    "Cookie": ("messages=x", "sessionid=x", "csrftoken=[", "=;=;", "messages=" + "[" * 3000),
}
NAMES = sorted(
    {
        *("q", "hypervisor", "network", "sort", "page", "o", "e", "p",),
        *("all", "next", "like", "image", "nics", "at", "from"),
        *("to", "since", "until", "log", "seen", "token", "shown",),
        *("check", "unused", "block", "vm", "change", "asked", "go"),
        *("action", "did", "where", "ids", "ip", "mac", "model",),
        *("on_drift", "cut_off", "remove", "at_shutdown", "look"),
        *("base", "document", "source", "bridge", "group", "owner",),
        *("state", "view", "flat", "rows", "overview", "name"),
        *("guest_network", "_popup", "_to_field", "action-checkbox",),
        *("_selected_action", "select_across", "post", "confirm"),
        *(name for form in (NetworkForm, HostEntryForm, IDsForm, PasteForm, ImageForm, RunForm, NICChangeForm)
          for name in form.base_fields),
        *(f"nic_{name}" for name in NICChangeForm.base_fields),
        *("disk_name", "disk_size", "disk_format", "disk_bus", "disk_pool"),
        *(name for name in forms.fields_for_model(Hypervisor)),
    }
)  # fmt: skip

# What is read of addresses, and whole forms in which one thing or another is wrong.
ASKED = (
    "q",
    "hypervisor",
    "network",
    "sort",
    "page",
    "like",
    "nics",
    "at",
    "log",
    "seen",
    "check",
    "block",
    "vm",
    "ip",
)
ASKED += (
    "mac",
    "change",
    "unused",
    "did",
    "where",
    "name",
    "rows",
    "overview",
    "next",
    "token",
    "group",
    "owner",
    "state",
)
NETWORK = {"hypervisor": "1", "name": "net2", "ipv4": "10.254.0.1/24", "dhcp": "on", "domain": "lab.test", "dns": "yes"}
NIC = {
    "network": "net1",
    "model": "virtio",
    "link_up": "on",
    "address": "next",
    "mac": OTHER,
    "vlan": "7",
    "mtu": "1400",
}
RUN = {
    "hypervisor": "1",
    "image": "alma-8",
    "number": "20",
    "count": "2",
    "memory": "128",
    "vcpus": "1",
    "boot_size": "1",
}
RUN |= {"nic_network": "net1", "nic_model": "virtio", "disk_name": "data", "disk_size": "1G", "ssh_keys": SSH_KEY}
HOST = {"mac": OTHER, "ip": "10.255.0.77", "name": "there", "lease": "12h"}
HYPERVISOR = {"name": "lab-2", "uri": "test:///default", "pool": "default", "access_network": "default"}
HYPERVISOR |= {"shutdown_timeout": "20", "history_days": "9", "console_days": "9", "domain_type": "auto"}
FORMS = {
    **{f"networks/add/{end}": NETWORK for end in ("", "preview/")},
    **{f"networks/<str:hypervisor>/<str:name>/edit/{end}": NETWORK | {"token": "x"} for end in ("", "preview/")},
    "networks/<str:hypervisor>/<str:name>/xml/": {"document": DOCUMENT, "token": "x"},
    "networks/<str:hypervisor>/<str:name>/hosts/add/": HOST,
    "networks/<str:hypervisor>/<str:name>/hosts/paste/": {"text": f"{OTHER} 10.255.0.77 there"},
    "networks/<str:hypervisor>/<str:name>/hosts/ids/": {"id": "20", "count": "3"},
    "networks/<str:hypervisor>/<str:name>/hosts/remove/": {"ip": "10.255.0.9"},
    "networks/bulk/": {"action": "start", "network": "1"},
    **{f"vms/run/{end}": RUN for end in ("", "preview/")},
    **{f"vms/<str:hypervisor>/<str:name>/nics/add/{end}": NIC for end in ("", "preview/")},
    "vms/many/": {
        "vm": "1",
        "action": "move",
        "asked": "yes",
        "source": "default",
        "to": "net1",
        "token": "x",
        "go": "on",
    },
    "images/": {"hypervisor": "1", "name": "named", "volume": "alma-8"},
    "admin/hypervisors/hypervisor/add/": HYPERVISOR,
    "login/": {"username": "admin", "password": "x"},
}


def patterns(found: list, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in found:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, route)
        else:
            yield route, each


ROUTES = sorted(route for route, _ in patterns(get_resolver().url_patterns))
ADMIN, OURS = [r for r in ROUTES if r.startswith("admin")], [r for r in ROUTES if not r.startswith("admin")]
CHUNKS = 24


@pytest.fixture
def lab(db, pokes):
    """A bit of everything."""
    hypervisor = make_hypervisor()
    default = make_foreign_network(hypervisor)
    net1 = make_network(hypervisor)
    net1.status.write(present=True, active=True, document=net1.full_document)
    make_lease(default, MAC, "192.168.122.8", "alma-8-8")
    make_host(net1, OTHER, "10.255.0.9")
    vm = make_vm(hypervisor, image=make_image(hypervisor))
    make_running(vm, ("default", MAC, "vnet1"))
    vm.status.write(document=DOMAIN)
    make_vm(hypervisor, "other", 9, managed=False)
    return hypervisor


class Generator:
    """Inputs of one seed: mostly valid with something hostile in it, as it takes to come past the first check."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def value(self, hostile: float = 0.6) -> str:
        found = self.random.choice(HOSTILE if self.random.random() < hostile else VALID)
        match self.random.randrange(12):
            case 0:
                cut = self.random.randrange(len(found) + 1)
                return found[:cut] + self.random.choice(HOSTILE)[:99] + found[cut:]
            case 1:
                return found[: self.random.randrange(len(found) + 1)]
            case 2:
                return f"{found} {self.random.choice(VALID)}"
            case 3:
                return f"{self.random.choice(VALID)}\n{found}\n{self.random.choice(VALID)}"
        return found

    def fields(self, route: str, post: bool) -> dict[str, list[str]]:
        if post and route in FORMS and self.random.random() < 0.8:
            form = {name: [value] for name, value in FORMS[route].items()}
            more = self.random.sample(NAMES, self.random.choice((0, 0, 1)))
            for name in (*self.random.sample(sorted(form), min(len(form), self.random.choice((1, 1, 2)))), *more):
                form[name] = [self.value(0.85)]
            return form
        if not post and self.random.random() < 0.8:
            return {name: [self.value(0.85)] for name in self.random.sample(ASKED, self.random.choice((1, 1, 2, 4)))}
        names = self.random.sample(NAMES, self.random.choice((0, 1, 1, 2, 3, 8, 30)))
        return {name: [self.value() for _ in range(self.random.choice((1, 1, 1, 2)))] for name in names}

    def headers(self) -> dict[str, str]:
        names = self.random.sample(sorted(HEADERS), self.random.choice((0, 0, 1, 2)))
        return {name: self.random.choice(HEADERS[name]) for name in names}

    def address(self, route: str) -> str:
        """An address that a route takes, or nearly."""
        known = {"hypervisor": "lab-1", "ip": "10.255.0.9", "mac": MAC, "suffix": "csv", "verb": "start", "end": "/"}
        known |= {"pk": "1", "object_id": "1", "app_label": "vms", "content_type_id": "1", "group": "default"}
        name = self.random.choice(("net1", "default") if "networks" in route else ("alma-8-8", "other"))
        text, path = route.replace("\\.", ".").removesuffix("$").replace("\\Z", "").replace("^", ""), ""
        while text:
            if text.startswith("(?P<"):
                key, _, rest = text[4:].partition(">")
                depth = next(
                    index for index, _ in enumerate(rest)
                    if rest[: index + 1].count(")") > rest[: index + 1].count("(")
                )  # fmt: skip
                text = rest[depth + 1 :]
            elif text.startswith("<"):
                inside, _, text = text[1:].partition(">")
                key = inside.rpartition(":")[2]
            else:
                path, text = path + text[0], text[1:]
                continue
            wild = self.random.random() < 0.15
            path += quote(self.value()[:2000], safe="/" if wild else "") if wild else known.get(key, name)
        return "/" + path


def failure(what: str, begun: float) -> str:
    """The last lines of what went wrong, and the input."""
    seconds = time.process_time() - begun
    lines = traceback.format_exc().strip().splitlines()[-7:]
    return f"{what[:600]}\n  after {seconds:.1f} s: " + "\n  ".join(lines)


def report(failures: list[str]) -> None:
    kinds: dict[str, str] = {}
    for each in failures:
        kinds.setdefault("".join(each.splitlines()[-6:]), each)
    assert not failures, f"seed {SEED}: {len(failures)} failures\n\n" + "\n\n".join(list(kinds.values())[:12])


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_request_is_a_failure_of_the_portal(lab, operator, user, chunk):
    print(f"VIRTERWEB_FUZZ_SEED={SEED}")
    generator, failures, clients = Generator(f"{SEED}-{chunk}"), [], [Client(), Client(), Client()]
    clients[0].force_login(operator)
    clients[1].force_login(user)
    for _ in range(int(REQUESTS * SHARE) // CHUNKS):
        routes = generator.random.choices((sorted(FORMS), OURS, ADMIN), (5, 10, 1))[0]
        route, post = generator.random.choice(routes), generator.random.random() < (0.7 if routes is not OURS else 0.3)
        path, fields, headers = generator.address(route), generator.fields(route, post), generator.headers()
        client = generator.random.choices(clients, (8, 2, 1))[0]
        cookies = client.cookies.output()
        if post and generator.random.random() < 0.05:
            fields["file"] = [SimpleUploadedFile("disk", generator.value().encode(errors="replace"))]
        begun = time.process_time()
        try:
            with transaction.atomic():
                if generator.random.random() < 0.03:
                    kind = generator.random.choice(
                        ("application/json", "multipart/form-data", "x", "text/xml; charset=x")
                    )
                    client.generic("POST", path, generator.value(), content_type=kind, headers=headers)
                elif post:
                    client.post(path, fields, headers=headers)
                else:
                    client.get(path, fields, headers=headers)
                transaction.set_rollback(True)
            assert time.process_time() - begun < LONGEST, "too slow"
        except Exception:
            failures.append(failure(f"{'POST' if post else 'GET'} {path[:300]} {fields} {headers}", begun))
        if client.cookies.output() != cookies:
            client.cookies.clear()
            if client is not clients[2]:
                client.force_login(operator if client is clients[0] else user)
    report(failures)


def parsers(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list]]:
    """Each verb of a command with its arguments."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words, [action for action in parser._actions if action.dest != "help"]
    for action in below:
        for name, each in action.choices.items():
            yield from parsers(each, (*words, name))


def verbs() -> list[tuple[tuple[str, ...], list]]:
    found = []
    for name in ("network", "vm", "inventory", "setup"):
        command = load_command_class("virterweb.hypervisors" if name == "setup" else "vms", name)
        found += parsers(command.create_parser("manage.py", name), (name,))
    # These wait for a worker whatever is said.
    return [each for each in found if not {"configure", "wait-ready"} & set(each[0])]


def words(generator: Generator, verb: tuple[str, ...], actions: list) -> list[str]:
    said = list(verb)
    for action in actions:
        if not action.option_strings:
            value = generator.random.choice(VALID[:8]) if generator.random.random() < 0.7 else generator.value()
            said += [value] * generator.random.choice((1, 1, 1, 2) if action.nargs in ("+", "*") else (1,))
        elif action.dest == "no_wait" or (action.dest in BASE_OPTIONS and generator.random.random() < 0.01):
            said.append(action.option_strings[-1])
        elif action.dest not in BASE_OPTIONS and generator.random.random() < 0.25:
            said += (
                [f"{action.option_strings[-1]}={generator.value()}"]
                if action.nargs != 0
                else action.option_strings[-1:]
            )
    return said


BASE_OPTIONS = {"version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks"}


def test_no_command_fails_otherwise_than_in_words(lab, monkeypatch):
    print(f"VIRTERWEB_FUZZ_SEED={SEED}")
    monkeypatch.setattr("virterweb.hypervisors.cli.NO_WORKER", 0)
    generator, failures, known = Generator(f"{SEED}-commands"), [], verbs()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    for _ in range(int(COMMANDS * SHARE)):
        said = words(generator, *generator.random.choice(known))
        begun = time.process_time()
        try:
            with transaction.atomic():
                with contextlib.suppress(CommandError, SystemExit):
                    call_command(*said, stdout=io.StringIO(), stderr=io.StringIO())
                transaction.set_rollback(True)
            assert time.process_time() - begun < LONGEST, "too slow"
        except Exception:
            failures.append(failure(" ".join(map(repr, said)), begun))
    report(failures)
    assert VM.objects.count() == 2
