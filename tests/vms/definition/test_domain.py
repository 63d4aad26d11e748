"""Documents of domains and volumes: built like Virter's, and read from any source."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.support.examples import examples
from tests.support.schemas import assert_valid, domain_as_libvirt_prints_it
from vms.definition import volume as volume_xml
from vms.definition.domain import VIRTER, DiskSpec, DomainSpec, build, parse
from vms.definition.nics.spec import NICSpec
from vms.definition.volume import VolumeSpec

BOOT = DiskSpec(
    target="vda", bus="virtio", pool="default", volume="virter:work:alma-8-8", format="qcow2", cache="unsafe"
)
SEED = DiskSpec(
    target="sda", bus="scsi", pool="default", volume="virter:work:alma-8-8-cidata", format="raw", device="cdrom"
)
ACCESS = NICSpec(kind="network", source="default", mac="52:54:00:00:00:08", model="virtio")
VM = DomainSpec(
    name="alma-8-8",
    uuid="4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
    type="qemu",
    memory=1024,
    vcpus=2,
    disks=(BOOT, SEED),
    nics=(ACCESS, NICSpec(kind="bridge", source="br0", mac="52:54:00:80:00:01", model="e1000")),
    host_key="ssh-rsa AAAA",
    ssh_user="alma",
)
PLATFORM = ("os", "features", "cpu", "clock")
FOREIGN = """<domain type='kvm'><name>external</name><uuid>0b0b0b0b-0000-4000-8000-000000000001</uuid>
<memory unit='GiB'>2</memory><vcpu placement='static'>4</vcpu><devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/a.img'/>
<target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>
<disk type='network' device='disk'><source protocol='rbd' name='pool/b'/><target dev='vdb' bus='virtio'/></disk>
<interface type='network'><mac address='52:54:00:AA:00:01'/><source network='default' portid='x' bridge='virbr0'/>
<target dev='vnet3'/><model type='virtio'/><link state='down'/></interface>
<interface type='direct'><mac address='52:54:00:aa:00:02'/><source dev='eth0' mode='bridge'/></interface>
<interface type='user'><mac address='52:54:00:aa:00:03'/></interface>
<interface type='hostdev'><mac address='52:54:00:aa:00:04'/><source>
<address type='pci' domain='0' bus='0' slot='7' function='0'/></source></interface>
</devices></domain>"""


@pytest.mark.parametrize("name", ["-oProxyCommand=x;#", "a b", "x" * 33, "Root", "a@b", "", "1a"])
def test_a_name_that_is_no_user_name_is_not_taken_for_the_ssh_user(name):
    meta = f"<meta xmlns='{VIRTER}'><ssh-user-name>{name}</ssh-user-name></meta>"
    found = parse(f"<domain><name>x</name><metadata>{meta}</metadata></domain>")
    assert found.ssh_user == ""


def test_a_new_domain_is_valid_for_libvirt():
    document = build(VM)
    assert_valid("domain", document)
    printed = parse(domain_as_libvirt_prints_it(document))
    assert (printed.name, printed.uuid, printed.memory, printed.vcpus) == ("alma-8-8", VM.uuid, 1024, 2)
    assert [(nic.kind, nic.source, nic.mac, nic.model) for nic in printed.nics] == [
        ("network", "default", "52:54:00:00:00:08", "virtio"),
        ("bridge", "br0", "52:54:00:80:00:01", "e1000"),
    ]
    assert [(disk.target, disk.device, disk.source) for disk in printed.disks] == [
        ("vda", "disk", "default/virter:work:alma-8-8"),
        ("sda", "cdrom", "default/virter:work:alma-8-8-cidata"),
    ]


@pytest.mark.parametrize(("kind", "cpu"), [("qemu", "maximum"), ("kvm", "host-passthrough")])
def test_a_new_domain_for_aarch64_has_nothing_that_only_x86_has(kind, cpu):
    document = build(replace(VM, arch="aarch64", type=kind))
    assert_valid("domain", document)
    root = etree.fromstring(document)
    platform = "".join(
        etree.tostring(root.find(name), encoding="unicode") for name in ("os", "features", "cpu", "clock")
    )
    assert platform == (
        '<os firmware="efi"><type arch="aarch64" machine="virt">hvm</type></os>'
        f'<features><acpi/></features><cpu mode="{cpu}"/><clock offset="utc"/>'
    )
    assert [each.get("type") for each in root.iterfind("devices/controller")] == ["scsi"]
    assert {each.get("bus") for each in root.iterfind("devices/disk/target")} == {"virtio", "scsi"}
    assert parse(document).hardware.firmware == "uefi"


def test_a_new_domain_for_x86_is_as_before():
    root = etree.fromstring(build(VM))
    platform = "".join(
        etree.tostring(root.find(name), encoding="unicode") for name in ("os", "features", "cpu", "clock")
    )
    assert platform == (
        '<os><type arch="x86_64">hvm</type></os><features><acpi/><apic/></features><cpu mode="maximum"/>'
        '<clock offset="utc"><timer name="rtc" tickpolicy="catchup"/><timer name="pit" tickpolicy="delay"/>'
        '<timer name="hpet" present="no"/></clock>'
    )


def test_virter_finds_its_metadata():
    meta = etree.fromstring(build(VM)).find(f"metadata/{{{VIRTER}}}meta")
    assert VIRTER == "https://github.com/LINBIT/virter"
    assert [(child.tag, child.text) for child in meta] == [
        (f"{{{VIRTER}}}hostkey", "ssh-rsa AAAA"),
        (f"{{{VIRTER}}}ssh-user-name", "alma"),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("clock/@offset", "utc"),
        ("clock/timer[@name='rtc']/@tickpolicy", "catchup"),
        ("clock/timer[@name='pit']/@tickpolicy", "delay"),
        ("clock/timer[@name='hpet']/@present", "no"),
        ("on_poweroff/text()", "destroy"),
        ("on_reboot/text()", "restart"),
        ("on_crash/text()", "destroy"),
        ("devices/disk[1]/driver/@discard", "unmap"),
        ("devices/disk[1]/driver/@cache", "unsafe"),
        ("devices/controller[@type='scsi']/@model", "virtio-scsi"),
        ("devices/graphics/@type", "vnc"),
        ("devices/video/model/@type", "virtio"),
        ("devices/memballoon/@model", "virtio"),
        ("devices/rng/backend/text()", "/dev/urandom"),
        ("devices/console/@type", "pty"),
    ],
)
def test_a_new_domain_equals_that_of_virter(path, value):
    assert etree.fromstring(build(VM)).xpath(path) == [value]


def test_a_kvm_guest_has_the_hosts_cpu_and_an_emulated_one_all_that_there_is():
    assert etree.fromstring(build(VM)).find("cpu").get("mode") == "maximum"
    assert etree.fromstring(build(replace(VM, type="kvm"))).find("cpu").get("mode") == "host-model"


def test_console_and_vnc_are_where_they_were_asked_for():
    asked = build(replace(VM, vnc_port=6008, vnc_bind="0.0.0.0", console_log="/var/log/alma-8-8.log"))
    assert_valid("domain", asked)
    devices = etree.fromstring(asked).find("devices")
    assert dict(devices.find("graphics").attrib) == {
        "type": "vnc",
        "port": "6008",
        "autoport": "no",
        "listen": "0.0.0.0",
    }
    assert devices.find("serial/log").get("file") == "/var/log/alma-8-8.log"


def test_a_definition_created_outside_the_portal_is_read():
    found = parse(FOREIGN)
    assert (found.memory, found.vcpus) == (2048, 4)
    assert [(nic.kind, nic.source, nic.mac, nic.target, nic.link) for nic in found.nics] == [
        ("network", "default", "52:54:00:aa:00:01", "vnet3", "down"),
        ("direct", "eth0", "52:54:00:aa:00:02", "", "up"),
        ("user", "", "52:54:00:aa:00:03", "", "up"),
        ("hostdev", "0000:00:07.0", "52:54:00:aa:00:04", "", "up"),
    ]
    assert [(disk.target, disk.source) for disk in found.disks] == [
        ("vda", "/srv/a.img"),
        ("hda", ""),
        ("vdb", "pool/b"),
    ]


texts = st.text(st.characters(categories=["L", "N"], include_characters="-.<>&'\" "), min_size=1, max_size=40)


@settings(max_examples=examples(100), deadline=None)
@given(
    st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True),
    st.uuids(),
    st.integers(1, 2**20),
    st.integers(1, 64),
    st.lists(st.tuples(st.sampled_from(["network", "bridge"]), texts, st.integers(0, 2**24 - 1)), max_size=4),
    texts,
)
def test_a_built_domain_is_parsed_to_the_same_values(name, uuid, memory, vcpus, nics, key):
    specs = tuple(
        NICSpec(
            kind=kind, source=source, mac=f"52:54:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}", model="virtio"
        )
        for kind, source, n in nics
    )
    values = {"name": name, "uuid": str(uuid), "memory": memory, "vcpus": vcpus, "nics": specs, "host_key": key}
    document = build(DomainSpec(type="qemu", disks=(BOOT, SEED), **values))
    found = parse(document)
    assert (found.name, found.uuid, found.memory, found.vcpus) == (name, str(uuid), memory, vcpus)
    assert [(nic.kind, nic.source, nic.mac) for nic in found.nics] == [(n.kind, n.source, n.mac) for n in specs]
    assert etree.fromstring(document).findtext(f"metadata/{{{VIRTER}}}meta/{{{VIRTER}}}hostkey") == key


@pytest.mark.parametrize(
    "spec",
    [
        VolumeSpec(name="virter:work:a-cidata", capacity=374784, format="raw"),
        VolumeSpec(name="virter:work:a", capacity=10 * 1024**3, backing="/pool/virter:tag:a", backing_format="qcow2"),
    ],
)
def test_a_volume_is_read_as_it_was_built(spec):
    document = volume_xml.build(spec)
    assert_valid("storagevol", document)
    found = volume_xml.parse(document)
    assert (found.name, found.capacity, found.format, found.backing) == (
        spec.name,
        spec.capacity,
        spec.format,
        spec.backing,
    )
