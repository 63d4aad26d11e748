"""The document of a duplicate has values of its own, and keeps what the portal does not model."""

import pytest
from lxml import etree

from vms.definition.documents.duplicate import Own, duplicate, on_overlays, volumes

UUID, NEW = "6a2d5b5e-6f0c-4d5a-8e36-2c1b1c5b9f77", "7b3e6c6f-7a1d-4e6b-9f47-3d2c2d6c0a88"
MACS = ["52:54:00:00:00:09", "52:54:00:aa:bb:cc"]
DOCUMENT = f"""<domain type='kvm' id='3'><name>web</name><uuid>{UUID}</uuid><genid>{UUID}</genid>
<metadata>
<vir:meta xmlns:vir='https://github.com/LINBIT/virter'><vir:hostkey>old key</vir:hostkey></vir:meta></metadata>
<memory unit='MiB'>512</memory><memtune><hard_limit unit='KiB'>900000</hard_limit></memtune><vcpu>2</vcpu>
<os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type><nvram template='/t'>/var/web_VARS.fd</nvram></os>
<devices>
<disk type='volume' device='disk'><source pool='default' volume='virter:work:web'/><target dev='vda'/></disk>
<disk type='volume' device='disk'><source pool='fast' volume='virter:work:web-data'/><target dev='vdb'/></disk>
<disk type='volume' device='cdrom'><source pool='default' volume='virter:work:web-cidata'/><target dev='sda'/></disk>
<disk type='file' device='cdrom'><source file='/iso'/><target dev='sdb'/></disk>
<interface type='network'><mac address='52:54:00:00:00:08'/><source network='default'/><target dev='web0'/>
<bandwidth><inbound average='100'/></bandwidth></interface>
<interface type='bridge'><mac address='52:54:00:00:00:77'/><source bridge='br0'/></interface>
<serial type='pty'><log file='/pool/virter:work:web-console' append='off'/></serial>
<graphics type='vnc' port='6008' autoport='no' listen='127.0.0.1'/>
<watchdog model='itco' action='reset'/>
</devices></domain>"""
NAMES = {f"virter:work:web{part}": f"virter:work:db{part}" for part in ("", "-data", "-cidata", "-console")}


@pytest.fixture
def own() -> Own:
    log = "/pool/virter:work:db-console"
    return Own(name="db", uuid=NEW, volumes=NAMES, macs=MACS, host_key="new key", console_log=log)


def test_nothing_of_the_original_is_left(own):
    found = duplicate(DOCUMENT, own)
    for theirs in ("web", UUID, "old key", "52:54:00:00:00:08", "52:54:00:00:00:77", "6008", "VARS.fd", "id='3'"):
        assert theirs not in found, theirs
    for new in (NEW, "new key", *MACS, *NAMES.values()):
        assert new in found, new


def test_what_the_portal_does_not_model_is_kept(own):
    found = duplicate(DOCUMENT, own)
    for kept in ("<hard_limit", "<watchdog", "<bandwidth>", 'firmware="efi"', 'bridge="br0"', 'file="/iso"'):
        assert kept in found, kept


def test_without_a_file_for_the_console_it_is_not_logged(own):
    assert "<log" not in duplicate(DOCUMENT, Own(name="db", uuid=NEW, volumes=NAMES, macs=MACS))


def test_the_volumes_are_those_of_the_disks():
    assert volumes(DOCUMENT) == [("default", "virter:work:web"), ("fast", "virter:work:web-data")]
    other = DOCUMENT.replace("pool='fast' volume='virter:work:web-data'", "file='/x'")
    assert volumes(other)[1] == ("", "")


def test_disks_are_put_in_other_volumes_as_qcow2_and_the_rest_is_kept():
    raw = DOCUMENT.replace("pool='fast' volume='virter:work:web-data'", "file='/pool/data.snapshot-00000000'")
    targets = etree.fromstring(raw).xpath("//disk[@device='disk' or not(@device)]/target/@dev")
    found = on_overlays(raw, {target: ("pool", f"new-{target}") for target in targets})
    assert volumes(found) == [("pool", f"new-{target}") for target in targets]
    assert set(etree.fromstring(found).xpath("//disk[source/@pool='pool']/driver/@type")) == {"qcow2"}
    assert "virter:work:web-cidata" in found
    assert "snapshot-00000000" not in found
