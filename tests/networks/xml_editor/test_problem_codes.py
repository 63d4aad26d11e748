"""The problems of a network's document are codes, by which earlier problems are recognised, whatever the wording."""

import uuid

import pytest

from networks.xml_editor import check
from tests.support.rewording import reworded  # noqa: F401
from virterweb.messages import Message

UUID = str(uuid.uuid4())
BLOCK = "<ip address='10.2.0.0' prefix='24'><dhcp><host mac='01:00:5e:00:00:01' ip='10.2.0.8'/></dhcp></ip>"
BEFORE = f"<network><name>net1</name><bridge name='{'b' * 16}'/><mtu size='12'/>{BLOCK}</network>"
ROUTE = "<route address='10.8.0.1' prefix='16' gateway='10.2.0.7'/>"


def messages(document: str, before: str = "") -> list[Message]:
    """Return the problems but for those of libvirt's schema, which a machine may not have."""
    found = (each.message for each in check.problems(document, "net1", UUID, before))
    return [message for message in found if message.code != "xml.schema"]


def test_problems_are_codes_independent_of_the_wording(reworded):  # noqa: F811
    reworded()
    assert messages(BEFORE) == [
        Message("value.block_itself", example="10.2.0.1/24"),
        Message("value.bridge_length", most=15),
        Message("value.mtu", least=68, most=65535),
        Message("xml.mac", reason=Message("value.mac_multicast"), mac="01:00:5e:00:00:01"),
    ]


def test_existing_problems_are_recognised_by_their_codes(reworded):  # noqa: F811
    reworded()
    changed = BEFORE.replace("</network>", f"{ROUTE}</network>").replace("01:00:5e:00:00:01", "03:00:5e:00:00:01")
    assert messages(changed, BEFORE) == [
        Message("xml.mac", reason=Message("value.mac_multicast"), mac="03:00:5e:00:00:01"),
        Message("value.route_host_bits", block="10.8.0.1/16"),
    ]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("<domain/>", Message("value.xml_root", tag="domain")),
        ("<!DOCTYPE network []><network/>", Message("value.xml_doctype")),
    ],
)
def test_a_text_that_is_no_document_is_refused_by_a_code(reworded, document, message):  # noqa: F811
    reworded()
    assert messages(document) == [message]
