"""Messages are stored as codes: a wording changes nothing that is stored, compared or branched on."""

import pytest

from tests.support.making import make_hypervisor, make_network
from virterweb import messages
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.reasons import Code, recognise
from virterweb.messages import Message

TAKEN = recognise("error creating bridge interface virbr1: File exists")
NESTED = Message("hypervisor.refused", action=Message("networks.start", name="net1"), reason=TAKEN.message)


HELD = Message("nics.held", macs=["a", "b"], refused=[NESTED, Message("nic.shared_mac", mac="a")])


@pytest.mark.parametrize("message", [NESTED, HELD, Message()])
def test_a_stored_message_is_read_back(message):
    assert Message.read(message.stored()) == message


@pytest.mark.parametrize("text", ["Could not start net1.", "[]", "7", '{"other": 1}', "{"])
def test_a_text_of_an_earlier_version_is_its_own_wording(text):
    assert str(Message.read(text)) == text


def test_the_parts_of_a_message_are_also_those_in_lists():
    codes = ["nics.held", *(part.code for part in NESTED.parts()), "nic.shared_mac"]
    assert [part.code for part in Message.read(HELD.stored()).parts()] == codes


def test_no_wording_is_stored_or_compared(monkeypatch):
    before = NESTED.stored()
    monkeypatch.setattr(messages, "_WORDING", dict.fromkeys(messages._WORDING, "XXXX"))
    again = Message.read(before)
    assert (str(again), again, again.stored()) == ("XXXX", NESTED, before)
    assert [part.code for part in again.parts()] == [
        "hypervisor.refused",
        "networks.start",
        f"reason.{Code.BRIDGE_EXISTS}",
    ]
    assert Refused(again, "error creating bridge interface virbr1: File exists").because(Code.BRIDGE_EXISTS)


def test_a_column_keeps_a_message(db, enqueued):
    network = make_network(make_hypervisor())
    network.status.write(error=NESTED)
    network.status.refresh_from_db()
    assert network.status.error == NESTED
    assert str(network.status.error).startswith("Could not start network net1: the host already has a device virbr1")
    assert type(network.status).objects.filter(error=NESTED).exists()
    assert not type(network.status).objects.filter(error="").exists()
