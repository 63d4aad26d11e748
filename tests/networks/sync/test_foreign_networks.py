"""Networks created outside the portal, also unusual ones: a change alters only what it names."""

from io import StringIO

import pytest
from django.core.management import call_command
from lxml import etree, html

from networks.changes.forms.network import NetworkForm
from networks.changes.merge import as_text
from networks.definition.document.parse import parse, read
from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations.reservations import reserve
from tests import DATA
from tests.networks.changes.edit_form.edited_networks import open_form, save
from tests.support.making import make_foreign_network, make_hypervisor
from virterweb.hypervisors.models import HypervisorStatus

pytestmark = pytest.mark.integration

FOLDER = DATA / "networks/foreign"
FOREIGN = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.xml"))}
VPN = [["10.0.0.0/8", "tun0"], ["0.0.0.0/1", "tun1"], ["128.0.0.0/1", "tun1"], ["10.82.0.0/30", "eth9"]]


@pytest.fixture(params=FOREIGN)
def network(request, db, enqueued) -> Network:
    """Return an adopted network whose blocks overlap routes of the host and an inactive network."""
    lab = make_hypervisor()
    HypervisorStatus.objects.update(routes=VPN)
    document = FOREIGN[request.param]
    other = make_foreign_network(lab, document, active=False)
    Network.objects.filter(pk=other.pk).update(name="other")
    network = make_foreign_network(lab, document)
    network.adopt()
    return again(network)


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def canonical(document: str, *but: str) -> str:
    root = read(document)
    for tag in but:
        for each in root.findall(tag):
            root.remove(each)
    etree.indent(root)
    return etree.tostring(root.getroottree(), method="c14n2").decode()


def assert_only(network: Network, before: str, *changed: str) -> None:
    assert canonical(again(network).full_document, *changed) == canonical(before, *changed)


def test_adoption_keeps_the_document(network):
    assert canonical(network.full_document) == canonical(network.status.definition)


def test_a_description_is_changed_on_the_page(page, network):
    before = network.full_document
    answer = save(page, network, description="Edited.\r\nReally.")
    assert (answer.status_code, answer.url) == (302, network.get_absolute_url())
    assert again(network).spec.description == "Edited.\nReally."
    assert_only(network, before, "description")


def test_saving_the_page_as_it_is_changes_nothing(page, network):
    before = network.full_document
    save(page, network, open_form(page, network))
    assert again(network).full_document == before
    assert again(network).generation == network.generation


def test_a_description_is_changed_on_the_command_line(network):
    before = network.full_document
    out = StringIO()
    call_command("network", "edit", network.name, "--description", "By command", "--no-wait", "--yes", stdout=out)
    assert again(network).spec.description == "By command"
    assert_only(network, before, "description")


def test_a_description_is_changed_in_the_xml_view(client, operator, network):
    client.force_login(operator)
    before = network.full_document
    url = f"{network.get_absolute_url()}xml/"
    shown = html.fromstring(client.get(url).content.decode()).xpath("//textarea")[0].value.removeprefix("\n")
    document = shown.replace("</uuid>", "</uuid><description>In XML</description>")
    checked = html.fromstring(client.post(url, {"document": document}).content.decode())
    assert client.post(url, {"document": document, "token": checked.xpath("string(//input[@name='token']/@value)")})
    assert again(network).spec.description == "In XML"
    assert_only(network, before, "description")


def test_an_address_is_reserved_next_to_unusual_entries(network):
    free = next((subnet for subnet in network.spec.subnets if subnet.family == 4 and subnet.prefix < 30), None)
    if free is None:
        pytest.skip("no room for guests")
    before = network.full_document
    address = str(free.interface.network[77])
    host = HostSpec(mac="52:54:00:99:00:77", ip=address, name="new")
    reserve(network, [host], None)
    assert set(again(network).spec.hosts) == {*parse(before).hosts, host}
    tree = read(again(network).full_document)
    (added,) = tree.xpath(f"ip/dhcp/host[@mac='{host.mac}']")
    added.getparent().remove(added)
    assert without_empty_dhcp(etree.tostring(tree, encoding="unicode")) == without_empty_dhcp(before)


def without_empty_dhcp(document: str) -> str:
    tree = read(document)
    for each in tree.xpath("ip/dhcp[not(*)]"):
        each.getparent().remove(each)
    return canonical(etree.tostring(tree, encoding="unicode"))


def test_an_unusual_network_accepts_one_more_line_of_a_list(network):
    before = network.full_document
    for field, line in (("dns_hosts", "10.1.2.3 new"), ("port_groups", "new")):
        shown = as_text(NetworkForm(network=network, user=None))
        form = NetworkForm({**shown, field: f"{shown[field]}\n{line}"}, network=network, user=None)
        assert form.errors == {}
        changed = "dns" if field == "dns_hosts" else "portgroup"
        tree = read(form.wanted().document)
        (added,) = tree.xpath("dns/host[hostname='new'] | portgroup[@name='new']")
        parent = added.getparent()
        parent.remove(added)
        if changed == "dns" and not len(parent) and read(before).find("dns") is None:
            tree.remove(parent)
        assert canonical(etree.tostring(tree.getroottree(), encoding="unicode")) == canonical(before)


def test_a_newly_typed_value_is_validated(page, network):
    before = network.full_document
    assert save(page, network, dns_hosts="nowhere new").status_code == 422
    assert save(page, network, bridge="br/0").status_code == 422
    assert again(network).full_document == before
