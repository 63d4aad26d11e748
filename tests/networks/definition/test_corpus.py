"""libvirt's own test corpus as the measure: every network that its developers thought of, read, edited and updated.

The corpus comes with libvirt's source package, fetched from the distribution when the tests run.
"""

import copy
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import pytest
from lxml import etree

from networks.copies.terraform import terraform
from networks.copies.virsh import virsh
from networks.copies.virter import virter
from networks.definition.document.compare import differences
from networks.definition.document.edit import OWN_BRIDGE, edit
from networks.definition.document.parse import DocumentError, parse, read
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Found, Verb, Wanted
from networks.definition.spec import NetworkSpec, PortGroupSpec
from tests.support.examples import sample
from tests.support.schemas import judge
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused

pytestmark = pytest.mark.lab

APT = Path("/etc/apt")
# Third parties have files of their own there, or other paths and components.
DISTRIBUTIONS_FILES = ("sources.list", "sources.list.d/debian.sources", "sources.list.d/ubuntu.sources")
DISTRIBUTIONS_URI = re.compile(r"\S+/(debian|ubuntu)[a-z-]*(\.list)?/?")
# Hooks of the machine's own apt are for its own lists.
PRIVATE_APT = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{folder}/sources/";
Dir::State::lists "{folder}/lists/";
Dir::Cache "{folder}/cache/";
"""

NODE = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""

# One field each. libvirt takes the first two of networks alone whose bridge it makes, the others of all.
EDITS: dict[str, Callable[[NetworkSpec], NetworkSpec]] = {
    "MTU": lambda spec: replace(spec, mtu=4242),
    "Domain": lambda spec: replace(spec, domain="corpus.test"),
    "Port group": lambda spec: replace(spec, port_groups=(*spec.port_groups, PortGroupSpec(name="corpus", tags=(7,)))),
    "Isolated ports": lambda spec: replace(spec, isolated_ports=not spec.isolated_ports),
}
OF_OWN_BRIDGE = {"MTU", "Domain"}
# The test driver has not registered dnsmasq's namespace and forgets what is in it.
NOT_IN_TEST_DRIVER = "dnsmasq option"
# What attributes are broken with; None takes them away.
BROKEN = ("", "x", "-1", "0x", "99999999999999999999", "::1", "10.0.0.300", "${%{\"'", None)

# Networks that take one more entry in any of their lists.
NAT = """\
<network>
  <name>base</name>
  <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
  <forward mode="nat"/>
  <bridge name="virbr7"/>
  <!-- a comment -->
  <dns><txt name="other" value="one"/></dns>
  <ip address="192.168.122.1" prefix="24"><dhcp><range start="192.168.122.240" end="192.168.122.250"/></dhcp></ip>
  <portgroup name="other"/>
</network>"""
TENS = NAT.replace("192.168.122", "10.0.0")
MACVTAP = """\
<network>
  <name>base</name>
  <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
  <forward mode="private"><interface dev="eth0"/></forward>
</network>"""
PLACES = {"interface": "forward", "portgroup": ".", "txt": "dns", "srv": "dns", "range": "ip/dhcp", "host": "ip/dhcp"}


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The folder `tests` of libvirt's source."""

    tests: Path

    def documents(self, *folders: str) -> dict[str, str]:
        """Texts by their file's path; a file that several names link to once for each."""
        paths = [path for folder in folders for path in sorted((self.tests / folder).glob("*.xml"))]
        return {str(path.relative_to(self.tests)): path.read_text() for path in paths}

    def networks(self) -> dict[str, str]:
        return self.documents("networkxml2xmlin", "networkxml2confdata", "networkxml2firewalldata")

    def updates(self) -> list[tuple[str, str]]:
        """Before and after, as libvirt's own test of virNetworkUpdate has them."""
        calls = r'DO_TEST(?:_INDEX)?\(\s*"[^"]*",\s*"[^"]*",\s*"([^"]*)",\s*"([^"]*)"'
        return sorted(set(re.findall(calls, (self.tests / "networkxml2xmlupdatetest.c").read_text())))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("libvirt")
    for name in ("sources", "lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "apt.conf").write_text(PRIVATE_APT.format(folder=folder))
    for name, text in own_sources(APT).items():
        (folder / "sources" / name).write_text(text)
    apt = ["apt-get", "-q", "-c", "apt.conf"]
    run([*apt, "update"], folder)
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    run([*apt, "source", "--download-only", "--tar-only", f"libvirt/{codename}"], folder)
    (tarball,) = folder.glob("libvirt_*.orig.tar.*[!c]")
    run(["tar", "-xf", tarball.name, "--strip-components=1", "--wildcards", "*/tests/network*"], folder)
    return Corpus(tests=folder / "tests")


def run(words: list[str], folder: Path) -> None:
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr


def own_sources(apt: Path) -> dict[str, str]:
    """The distribution's own entries as those of its source packages, in files for apt, whichever format they have."""
    texts = {name: (apt / name).read_text() for name in DISTRIBUTIONS_FILES if (apt / name).exists()}
    stanzas = [each for name, text in texts.items() if name.endswith(".sources") for each in _stanzas(text)]
    lines = [each for name, text in texts.items() if name.endswith(".list") for each in _lines(text)]
    assert stanzas or lines, f"{apt} has no entry of the distribution"
    return {"own.sources": "\n".join(stanzas), "own.list": "\n".join(lines) + "\n"}


def _stanzas(text: str) -> Iterator[str]:
    """Of a deb822 file, in which fields go on in lines that are indented."""
    uncommented = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    for stanza in re.split(r"\n\s*\n", uncommented.strip()):
        values = re.findall(r"^(\S+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        found = {key.lower(): value.split() for key, value in values}
        uris = [uri for uri in found.get("uris", ()) if DISTRIBUTIONS_URI.fullmatch(uri)]
        if uris and "main" in found["components"] and found.get("enabled") != ["no"]:
            kept = {"types": ["deb-src"], "uris": uris, "suites": found["suites"], "components": ["main"]}
            kept |= {key: found[key] for key in ("signed-by", "trusted") if key in found and "BEGIN" not in found[key]}
            yield "".join(f"{key}: {' '.join(value)}\n" for key, value in kept.items())


def _lines(text: str) -> Iterator[str]:
    for options, uri, suite, components in re.findall(
        r"^deb\s+(?:(\[.*?\])\s+)?(\S+)\s+(\S+)\s+(.*)$", text, re.MULTILINE
    ):
        if DISTRIBUTIONS_URI.fullmatch(uri) and "main" in components.split():
            kept = " ".join(each for each in options.strip("[] ").split() if not each.startswith("arch"))
            yield f"deb-src {f'[{kept}] ' if kept else ''}{uri} {suite} main"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A hypervisor of libvirt's test driver with nothing in it."""
    judge()  # from now on libvirt's errors are only raised, not printed too
    (tmp_path / "node.xml").write_text(NODE)
    connection = Connection(0, f"test://{tmp_path}/node.xml")
    yield connection
    connection.close()


def found(connection: Connection, name: str) -> Found:
    network = connection.networks.get(connection.networks.uuid_of(name))
    live = network.document if network.active else ""
    return Found(document=network.stored, live=live, active=network.active, autostart=network.autostart)


def remove(connection: Connection, name: str) -> None:
    uuid = connection.networks.uuid_of(name)
    connection.networks.stop(uuid, name)
    connection.networks.undefine(uuid, name)


def printed(connection: Connection, document: str) -> str:
    """A document as libvirt prints it once it is defined; Refused if it does not take it."""
    name = parse(document).name
    connection.networks.define(document, name)
    kept = found(connection, name).document
    remove(connection, name)
    return kept


def refusal(connection: Connection, document: str) -> str:
    """Why libvirt does not take a document; empty if it does."""
    try:
        printed(connection, document)
    except Refused as refused:
        return str(refused)
    return ""


def report(capsys: pytest.CaptureFixture, counts: str, refused: dict[str, str]) -> None:
    with capsys.disabled():
        print(f"\n{counts}", *(f"  {name}: {reason}" for name, reason in refused.items()), sep="\n")


def as_text(document: str) -> str:
    """The document as an edit that changes nothing writes it."""
    return etree.tostring(read(document).getroottree(), encoding="unicode")


def test_every_network_is_edited_in_one_field_and_in_nothing_else(corpus):
    for name, document in corpus.networks().items():
        spec = parse(document)
        assert edit(document, spec) == as_text(document), name
        for field, change in EDITS.items():
            edited = edit(document, change(spec))
            assert [str(one.field) for one in differences(edited, document)] == [field], name
            assert parse(edited) == change(spec), name
            assert edit(edited, change(spec)) == edited, name
            comments = read(document).getroottree().xpath("//comment()")
            assert list(map(str, read(edited).getroottree().xpath("//comment()"))) == list(map(str, comments)), name
            assert differences(edit(edited, spec), document) == (), f"{name}: {field} and back"


def test_libvirt_keeps_every_edited_network_as_it_was_written(corpus, connection, capsys):
    documents, taken, refused = corpus.networks(), 0, {}
    for name, document in documents.items():
        spec = parse(document)
        if reason := refusal(connection, document):
            refused[name] = reason
        for field, change in EDITS.items():
            if field in OF_OWN_BRIDGE and spec.forward_mode not in OWN_BRIDGE:
                continue
            edited = edit(document, change(spec))
            if name in refused:
                assert refusal(connection, edited) == refused[name], f"{name}: {field}"
                continue
            lost = [
                one for one in differences(edited, printed(connection, edited)) if str(one.field) != NOT_IN_TEST_DRIVER
            ]
            assert lost == [], f"{name}: {field}"
            taken += 1
    counts = f"{len(documents)} documents, {taken} edits of them defined, {len(refused)} refused before any edit"
    report(capsys, counts, refused)
    assert len(refused) < len(documents) / 8


def test_what_libvirt_prints_of_a_network_is_no_difference(corpus):
    read_in, printed_out = (corpus.documents(f"networkxml2xml{side}") for side in ("in", "out"))
    pairs = [(name, printed_out.get(name.replace("2xmlin/", "2xmlout/"))) for name in read_in]
    off = {name: [str(one) for one in differences(read_in[name], out)] for name, out in pairs if out}
    assert len(off) > 30
    assert not any(off.values()), off


def run_updates(connection: Connection, before: str, desired: str) -> None:
    """Bring a running network from one document to another, live and stored; Refused if libvirt does not want to."""
    name = parse(before).name
    connection.networks.define(before, name)
    uuid = connection.networks.uuid_of(name)
    connection.networks.start(uuid, name)
    try:
        steps = plan(Wanted(document=desired, autostart=False), found(connection, name))
        assert steps
        assert {step.verb for step in steps} == {Verb.UPDATE}, [step.text for step in steps]
        for step in steps:
            assert step.update.live
            assert step.update.stored
            connection.networks.update(uuid, step.update, step.text)
        after = found(connection, name)
        assert differences(desired, after.document) == ()
        assert differences(desired, after.live) == ()
        assert plan(Wanted(document=desired, autostart=False), after) == ()
    finally:
        remove(connection, name)


def with_entry(name: str, fragment: str) -> tuple[str, str]:
    """A network that may have a fragment of libvirt's as a new entry, without and with it."""
    entry = etree.fromstring(fragment)
    base = MACVTAP if entry.tag == "interface" else TENS if "10.0.0." in fragment else NAT
    root = read(base)
    place = "dns" if "dns-host" in name else PLACES[entry.tag]
    root.find(place).append(entry)
    return base, as_text(etree.tostring(root, encoding="unicode"))


def test_every_entry_is_added_to_a_running_network_without_a_restart(corpus, connection, capsys):
    fragments, refused = corpus.documents("networkxml2xmlupdatein"), {}
    for name, fragment in fragments.items():
        base, desired = with_entry(name, fragment)
        try:
            run_updates(connection, base, desired)
        except Refused as problem:
            refused[name] = str(problem)
            assert refusal(connection, desired), f"{name}: libvirt takes it in a definition, yet not as an update"
    counts = f"{len(fragments)} entries, {len(fragments) - len(refused)} added live, {len(refused)} taken nowhere"
    report(capsys, counts, refused)
    assert len(refused) < len(fragments) / 2


def test_what_libvirts_own_test_updates_is_planned_as_updates(corpus, connection, capsys):
    pairs, refused = corpus.updates(), {}
    for before, after in pairs:
        base = (corpus.tests / f"networkxml2xmlin/{before}.xml").read_text()
        desired = (corpus.tests / f"networkxml2xmlupdateout/{after}.xml").read_text()
        try:
            run_updates(connection, base, desired)
        except Refused as problem:
            refused[f"{before} → {after}"] = str(problem)
            assert refusal(connection, desired), f"{after}: libvirt takes it in a definition, yet not by updates"
    report(
        capsys, f"{len(pairs)} updates of libvirt's own, {len(refused)} to what it does not take as a whole", refused
    )
    assert len(pairs) > 15


def parts(value: object) -> Iterator[object]:
    """Every part of a spec that has a line of its own."""
    for field in fields(value):
        found = getattr(value, field.name)
        for part in found if isinstance(found, tuple) else (found,):
            if is_dataclass(part):
                yield part
                yield from parts(part)


def test_every_network_is_shown_and_copied(corpus):
    networks = corpus.networks()
    fragments = corpus.documents("networkxml2xmlupdatein")
    networks |= {name: with_entry(name, fragment)[1] for name, fragment in fragments.items()}
    for name, document in networks.items():
        spec = parse(document)
        assert all(str(part).isprintable() for part in parts(spec)), name
        for text in (virter(document), virsh(document, autostart=True), terraform(document, autostart=True)):
            assert spec.name in text, name


def broken(document: str) -> Iterator[str]:
    """A document with each attribute otherwise, each element without content, each twice."""
    count = sum(1 for _ in read(document).iter(etree.Element))
    for number in range(1, count):
        for name in [*list(read(document).iter(etree.Element))[number].attrib, "", "twice"]:
            for value in BROKEN if name not in ("", "twice") else ("",):
                root = read(document)
                element = list(root.iter(etree.Element))[number]
                _break(element, name, value)
                yield etree.tostring(root, encoding="unicode")


def _break(element: etree._Element, name: str, value: str | None) -> None:
    if name == "twice":
        element.addnext(copy.deepcopy(element))
    elif not name:
        element.clear()
    elif value is None:
        del element.attrib[name]
    else:
        element.set(name, value)


def test_a_broken_document_is_read_compared_edited_and_copied(corpus):
    for document in dict.fromkeys(corpus.documents("networkxml2xmlin").values()):
        for text in sample(broken(document)):
            spec = parse(text)
            assert differences(text, text) == ()
            assert parse(edit(text, replace(spec, mtu=4242))).mtu == 4242
            assert virter(text)
            assert virsh(text, autostart=False)
            assert terraform(text, autostart=False)


def test_what_is_no_network_is_a_document_error(corpus):
    for document in corpus.documents("networkxml2xmlupdatein", "networkxml2xmlin").values():
        for text in (document[: len(document) // 2], document.replace("network", "domain"), f"<a>{document}", ""):
            with pytest.raises(DocumentError):
                parse(text)


DEBIAN_12 = """\
Types: deb
# http://snapshot.example/archive/debian/20250520T000000Z
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
UBUNTU = """\
## Comments first.
Types: deb deb-src
URIs: http://mirror.example/ubuntu/
Suites: noble noble-updates noble-backports
Components: main universe restricted multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://mirror.example/ubuntu/
Suites: noble-proposed
Components: main

Types: deb
URIs: https://download.example/linux/ubuntu
Suites: noble
Components: stable
"""
LINES = """\
# deb cdrom:[Debian GNU/Linux 12.5.0 _Bookworm_]/ bookworm main
deb cdrom:[Debian GNU/Linux 12.5.0 _Bookworm_]/ bookworm main
deb http://mirror.example/debian/ bookworm main non-free-firmware
deb-src http://mirror.example/debian/ bookworm main non-free-firmware
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://security.example/debian-security bookworm-security main
deb [arch=amd64] https://download.example/linux/debian bookworm stable
"""


@pytest.mark.parametrize(
    ("files", "entries"),
    [
        (
            {"sources.list.d/debian.sources": DEBIAN_12, "sources.list.d/node.sources": DEBIAN_12},
            [
                "types: deb-src",
                "uris: http://mirror.example/debian",
                "suites: bookworm bookworm-updates",
                "components: main",
                "signed-by: /usr/share/keyrings/debian-archive-keyring.gpg",
                "types: deb-src",
                "uris: http://mirror.example/debian-security",
                "suites: bookworm-security",
                "components: main",
                "signed-by: /usr/share/keyrings/debian-archive-keyring.gpg",
            ],
        ),
        (
            {"sources.list": "# moved\n", "sources.list.d/ubuntu.sources": UBUNTU},
            [
                "types: deb-src",
                "uris: http://mirror.example/ubuntu/",
                "suites: noble noble-updates noble-backports",
                "components: main",
                "signed-by: /usr/share/keyrings/ubuntu-archive-keyring.gpg",
            ],
        ),
        (
            {"sources.list": LINES},
            [
                "deb-src http://mirror.example/debian/ bookworm main",
                "deb-src [signed-by=/usr/share/keyrings/a.gpg] http://security.example/debian-security "
                "bookworm-security main",
            ],
        ),
    ],
)
def test_sources_come_from_the_distribution_alone(files, entries, tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = "\n".join(own_sources(tmp_path).values()).splitlines()
    assert [line for line in found if line] == entries
