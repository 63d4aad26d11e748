"""An unreadable object is reported and the rest continues: on libvirt's test driver, with one of each kind."""

import json
import logging

import libvirt
import libvirt_qemu
import pytest
from django.db import OperationalError
from django.db import connection as database

from networks import sync as networks_sync
from networks.models import Network
from networks.sync import poll
from tests.support.making import make_hypervisor, make_network
from virterweb.hypervisors.connections.guard import MAX_PROBLEMS, Observation, check_fits
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.gateway.bounds import LARGEST, LATEST, bounded, moment, whole_number
from virterweb.hypervisors.gateway.found import Refused, Unreachable
from virterweb.hypervisors.gateway.nouns.guest_agent import LARGEST_CODE
from virterweb.hypervisors.gateway.session import object_name
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, ReadingProblem
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message
from vms.models import VM, NICStatus, Volume

Kind = ReadingProblem.Kind
EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
NETWORK = """<network><name>{name}</name><bridge name='virbr{number}'/>
<ip address='10.5.{number}.1' netmask='255.255.255.0'/></network>"""
DOMAIN = """<domain type='test'><name>{name}</name><memory unit='{unit}'>{memory}</memory><vcpu>1</vcpu>
<os><type>hvm</type></os><devices>{devices}</devices></domain>"""
POOL = "<pool type='dir'><name>default</name><target><path>/pool</path></target></pool>"
VOLUME = "<volume><name>{name}</name><capacity>{capacity}</capacity><target><format type='qcow2'/></target></volume>"


@pytest.fixture
def lab(db, tmp_path, enqueued):
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(lab) -> libvirt.virConnect:
    """Return a separate connection to libvirt, with an empty pool."""
    with connected(lab.pk, lab.uri) as connection:
        connection.session.libvirt.storagePoolDefineXML(POOL).create()
        return connection.session.libvirt


def problems() -> list[str]:
    return [str(each) for each in ReadingProblem.objects.all()]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("512", 512),
        ("0", 0),
        (" 007 ", 7),
        (None, 0),
        ("-5", 0),
        ("many", 0),
        ("9223372036854775807", LARGEST),
        ("18446744073709551615", LARGEST),
        ("9" * 5000, LARGEST),
    ],
)
def test_a_number_from_outside_fits_the_database(text, number):
    assert whole_number(text) == number


def test_numbers_and_moments_are_bounded_on_both_sides():
    assert (bounded(-1), bounded(2**64), bounded(8)) == (0, LARGEST, 8)
    assert (moment(2**63), moment(0).year) == (LATEST, 1970)


def test_one_hostile_object_of_each_kind_leaves_all_others_up_to_date(lab, raw, monkeypatch):
    raw.networkDefineXML(NETWORK.format(name="plain", number=1))
    raw.networkDefineXML(NETWORK.format(name="n" * 300, number=2))
    raw.defineXML(DOMAIN.format(name="plain", unit="MiB", memory=64, devices=""))
    raw.defineXML(DOMAIN.format(name="huge", unit="KiB", memory=2**53 - 1, devices=""))
    odd = f"<interface type='bridge'><source bridge='{'b' * 300}'/></interface><interface type='user'/>"
    raw.defineXML(DOMAIN.format(name="odd", unit="MiB", memory=64, devices=odd))
    pool = raw.storagePoolLookupByName("default")
    for name in ("plain", "greatest"):
        pool.createXML(VOLUME.format(name=name, capacity=2**30))
    whole = libvirt.virStorageVol.XMLDesc

    def monstrous(volume: libvirt.virStorageVol) -> str:
        """What libvirtd says of a file whose header has such a size: the test driver makes none."""
        document = whole(volume)
        return document.replace(str(2**30), str(2**64 - 1)) if volume.name() == "greatest" else document

    monkeypatch.setattr(libvirt.virStorageVol, "XMLDesc", monstrous)
    observe(lab.pk)
    status = HypervisorStatus.objects.get()
    assert (str(status.error), status.unreachable_since) == ("", None)
    assert {"plain", "n" * 300} == set(Network.objects.values_list("name", flat=True))
    assert {"plain", "huge", "odd"} == set(VM.objects.values_list("name", flat=True))
    assert VM.objects.get(name="huge").status.memory == 2**43 - 1
    capacities = dict(Volume.objects.values_list("name", "capacity"))
    assert capacities == {"plain": 2**30, "greatest": LARGEST}
    assert [nic.kind for nic in NICStatus.objects.order_by("position")] == ["bridge", "user"]
    assert problems() == []


@pytest.fixture
def unreadable(monkeypatch):
    """Make the recording of objects with these names fail, as an internal error would."""
    names = set()
    whole = poll.status_values

    def seen(row, found):
        if found and found.name in names:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return whole(row, found)

    monkeypatch.setattr(poll, "status_values", seen)
    return names


def test_an_object_that_cannot_be_recorded_is_kept_and_reported_once(lab, raw, unreadable, caplog):
    caplog.set_level(logging.WARNING)
    for number, name in enumerate(("one", "two")):
        raw.networkDefineXML(NETWORK.format(name=name, number=number))
    observe(lab.pk)
    unreadable.add("one")
    for name in ("one", "two"):
        raw.networkLookupByName(name).create()
    observe(lab.pk)
    observe(lab.pk)
    assert dict(Network.objects.values_list("name", "status__active")) == {"one": False, "two": True}
    assert problems() == ["Network one cannot be read: internal error (OverflowError), see the worker’s log"]
    assert len([record for record in caplog.records if record.exc_info]) == 1
    unreadable.clear()
    observe(lab.pk)
    assert Network.objects.get(name="one").status.active
    assert problems() == []


def test_a_new_object_that_cannot_be_recorded_leaves_no_partial_row(lab, raw, unreadable):
    unreadable.add("one")
    raw.networkDefineXML(NETWORK.format(name="one", number=1))
    observe(lab.pk)
    assert not Network.objects.exists()
    assert len(problems()) == 1
    raw.networkLookupByName("one").undefine()
    observe(lab.pk)
    assert problems() == []


def test_a_part_that_fails_ends_no_other(lab, raw, monkeypatch):
    def crash(hypervisor, host):
        raise KeyError("bridge")

    monkeypatch.setattr(networks_sync, "observe", crash)
    raw.defineXML(DOMAIN.format(name="plain", unit="MiB", memory=64, devices=""))
    observe(lab.pk)
    assert VM.objects.filter(name="plain", status__present=True).exists()
    assert problems() == [
        "Part of the poll: networks.sync.observe cannot be read: internal error (KeyError), see the worker’s log"
    ]


@pytest.mark.parametrize(
    "cause", [Unreachable(Message.external("libvirt is gone")), OperationalError("the database is gone")]
)
def test_a_lost_hypervisor_or_database_is_not_reported_as_an_unreadable_object(lab, cause):
    with pytest.raises(type(cause)), Observation(lab, Kind.VM) as reading, reading.guard("one"):
        raise cause
    assert problems() == []


def test_thousands_of_unreadable_objects_are_summarised(lab):
    with Observation(lab, Kind.VOLUME, "default") as reading:
        for number in range(3000):
            with reading.guard(f"volume {number}"):
                raise Refused(Message.external("no"))
    assert len(problems()) == MAX_PROBLEMS
    assert len(reading.failed) == 3000


def test_a_value_too_long_for_its_column_is_reported_on_every_database(lab):
    nic = NICStatus(position=0, kind="network", mac="52:54:00:00:00:01:02")
    with Observation(lab, Kind.NIC, "vm") as reading, reading.guard("1"):
        check_fits(nic)
    assert problems() == [
        "NIC 1 of VM vm cannot be read: mac: Ensure this value has at most 17 characters (it has 20)."
    ]


def test_problems_are_on_the_first_page_until_they_are_gone(page, lab):
    with Observation(lab, Kind.VOLUME, "default") as reading, reading.guard("big.qcow2"):
        raise Refused(Message.external("it cannot be opened"), "virStorage: no")
    text = " ".join(page.get("/").content.decode().split())
    assert "Volume big.qcow2 in pool default: it cannot be opened" in text
    with Observation(lab, Kind.VOLUME, "default"):
        pass
    assert "big.qcow2" not in page.get("/").content.decode()


def test_an_internal_error_in_a_poll_does_not_make_the_hypervisor_unreachable(lab, monkeypatch, caplog):
    def crash(*args):
        raise KeyError("version")

    with monkeypatch.context() as patch:
        patch.setattr("virterweb.hypervisors.gateway.nouns.host.HostMachine.routes", crash)
        for _ in range(2):
            observe(lab.pk)
    status = HypervisorStatus.objects.get()
    assert str(status.error) == "internal error (KeyError), see the worker’s log"
    assert status.unreachable_since is None
    assert not Hypervisor.objects.due().exists()
    assert len([record for record in caplog.records if record.exc_info]) == 1
    observe(lab.pk)
    assert str(HypervisorStatus.objects.get().error) == ""


@pytest.mark.parametrize(
    ("said", "code"),
    [(3, 3), (2**70, LARGEST_CODE), (-1, LARGEST_CODE), ("7", 7), ("no", None), (None, None), ([], None)],
)
def test_any_exit_code_that_an_agent_reports_can_be_stored(monkeypatch, said, code):
    answers = iter([{"pid": 1}, {"exited": True, "exitcode": said}])
    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", lambda domain, *rest: json.dumps({"return": next(answers)}))
    with connected(1, "test:///default") as connection:
        uuid = connection.domains.all()[0].uuid
        if code is None:
            with pytest.raises(Refused, match="unexpected answer"):
                connection.guest_agent.run(uuid, ["true"], 1)
        else:
            assert connection.guest_agent.run(uuid, ["true"], 1).code == code
    disconnect()


def test_a_name_that_is_not_utf8_is_shown():
    class Named:
        def name(self) -> str:
            return b"odd\xff".decode()

    assert object_name(Named()) == "odd\\xff"


@pytest.mark.usefixtures("lab")
def test_the_managed_network_that_fails_keeps_its_state(raw, unreadable):
    network = make_network(Hypervisor.objects.get(), "managed")
    raw.networkDefineXML(network.full_document)
    observe(network.hypervisor_id)
    unreadable.add("managed")
    raw.networkLookupByName("managed").create()
    observe(network.hypervisor_id)
    assert Network.objects.get(name="managed").status.present
    assert database.is_usable()
