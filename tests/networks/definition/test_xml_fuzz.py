"""The XML view is given mutated documents of every kind: each is refused with its line or taken, none is an error."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.definition.document.parse import read
from networks.models import Network
from tests.networks.sync.test_foreign_networks import FOREIGN
from tests.support.examples import examples
from tests.support.making import make_foreign_network, make_hypervisor

VALUES = (
    *("", "x", "-1", "0", "0x7f", "77", "1_000", "9" * 25, "9" * 5000, "٣", "1e3", "nan", "yes", "no", "None"),
    *("255.0.255.0", "0.0.0.255", "10.0.0.300", "010.0.0.1", "FD96::5", "fd96::5%eth0", "::", "fe80::1/64", "0.0.0.0"),
    *("52:54:00:AA:BB:CC", "01:00:00:00:00:00", "zz:zz:zz:zz:zz:zz", "00:03", "Ü" * 300, " a b ", "a\u202eb", "\t"),
)


@st.composite
def mutated(draw) -> str:
    """One of the documents with some of its attributes, texts and elements changed, doubled or gone."""
    root = read(draw(st.sampled_from(list(FOREIGN.values()))))
    for _ in range(draw(st.integers(1, 4))):
        element = draw(st.sampled_from([each for each in root.iter() if isinstance(each.tag, str)]))
        what = draw(st.sampled_from(["attribute", "attribute", "attribute", "new", "text", "double", "gone", "move"]))
        parent = element.getparent()
        if what == "attribute" and element.attrib:
            name = draw(st.sampled_from(sorted(element.attrib)))
            element.set(name, draw(st.sampled_from(VALUES)))
        elif what == "new":
            names = ("prefix", "netmask", "address", "ip", "mac", "id", "name", "expiry", "mode", "family", "enable")
            element.set(draw(st.sampled_from(names)), draw(st.sampled_from(VALUES)))
        elif what == "text":
            element.text = draw(st.sampled_from(VALUES))
        elif what == "double" and parent is not None:
            parent.append(etree.fromstring(etree.tostring(element, with_tail=False)))
        elif what == "gone" and parent is not None:
            parent.remove(element)
        elif what == "move" and parent is not None and parent is not root:
            root.append(element)
    return etree.tostring(root, encoding="unicode")


@pytest.fixture
def network(db, enqueued) -> Network:
    lab = make_hypervisor()
    network = make_foreign_network(lab, FOREIGN["one-address-for-several"])
    network.adopt()
    return Network.objects.shown().get(pk=network.pk)


def named(document: str, network: Network) -> str:
    """The document as one of this network, unless the mutation took its name or UUID."""
    root = read(document)
    for tag, text in (("name", network.name), ("uuid", network.uuid_text)):
        if (found := root.find(tag)) is not None and found.text not in VALUES:
            found.text = text
    return etree.tostring(root, encoding="unicode")


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=mutated())
def test_a_mutated_document_is_checked_or_refused(client, operator, network, document):
    client.force_login(operator)
    answer = client.post(f"{network.get_absolute_url()}xml/", {"document": named(document, network)})
    assert answer.status_code in (409, 422)
    if answer.status_code == 409:
        token = answer.context["token"]
        saved = client.post(f"{network.get_absolute_url()}xml/", {"document": named(document, network), "token": token})
        assert saved.status_code == 302
        assert client.get(network.get_absolute_url()).status_code == 200
        assert client.get(f"{network.get_absolute_url()}edit/").status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<bridge name='virbr88'/>", "<bridge name='a/b'/>", "A bridge name"),
        ("netmask='255.255.255.0'", "netmask='255.0.255.0'", "“10.88.0.1/255.0.255.0” is not an address"),
        ("netmask='255.255.255.0'", "prefix='77'", "“10.88.0.1/77” is not an address"),
        (">bond<", "> bond <", "The name must stay bond"),
        (">bond<", ">Bond<", "The name must stay bond"),
        (
            "</network>",
            "<route address='10.1.0.0' prefix='77' gateway='10.88.0.2'/></network>",
            "is not a block for a route",
        ),
        ("</network>", "<route address='10.1.0.1' prefix='16' gateway='10.88.0.2'/></network>", "host bits"),
        ("ip='10.88.0.7'", "ip='ten'", "“ten” is not an IP address"),
        ("mac='52:54:00:88:00:08'", "mac='52:54'", "MAC"),
        ("<host name='tv' ip='10.88.0.8'/>", "<host name='tv' ip='10.88.0.7'/>", "10.88.0.7 is already reserved for"),
        ("start='10.88.0.10'", "start='10.88'", "“10.88” is not an IP address"),
        ("expiry='3'", "expiry='soon'", "not a lease time"),
    ],
)
def test_errors_name_their_line(client, operator, network, old, new, said):
    client.force_login(operator)
    document = FOREIGN["one-address-for-several"].replace("{uuid}", network.uuid_text)
    assert old in document
    answer = client.post(f"{network.get_absolute_url()}xml/", {"document": document.replace(old, new, 1)})
    assert answer.status_code == 422
    problems = answer.context["form"].problems
    assert any(said in str(problem.message) and problem.line for problem in problems)


def test_an_address_in_capitals_is_taken(client, operator, network):
    client.force_login(operator)
    document = FOREIGN["one-address-for-several"].replace("{uuid}", network.uuid_text).replace("FD88::5", "FD88::7")
    answer = client.post(f"{network.get_absolute_url()}xml/", {"document": document})
    saved = client.post(f"{network.get_absolute_url()}xml/", {"document": document, "token": answer.context["token"]})
    assert saved.status_code == 302
    assert "fd88::7" in {host.ip for host in Network.objects.get(pk=network.pk).spec.hosts}
