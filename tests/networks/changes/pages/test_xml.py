"""The XML editor of a network."""

import pytest

from networks.xml_editor.form import DocumentForm
from tests.networks.changes.pages.change_pages import (
    again,
    at,
    filled,
    is_as_before,
    make_attached,
    steps,
    text,
    tree,
    xml,
)
from tests.support.making import make_foreign_network, make_network
from tests.support.shown import as_shown


def test_users_see_both_documents_but_cannot_edit_them(member_page, drifted):
    shown = member_page.get(at(drifted, "xml"))
    wanted, found = tree(shown).xpath("//main/section/pre")
    assert "10.1.0.254" in wanted.text
    assert "10.1.0.99" in found.text
    assert xml(member_page, drifted, drifted.full_document).status_code == 403
    assert is_as_before(drifted)


def test_operators_cannot_edit_unmanaged_networks(staff, lab):
    foreign = make_foreign_network(lab)
    assert "<name>default</name>" in tree(staff.get(at(foreign, "xml"))).xpath("string(//main//pre)")
    assert xml(staff, foreign, foreign.status.document).status_code == 302
    assert is_as_before(foreign)


BOMB = """<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>
<network><name>net1</name><title>&c;</title></network>"""
EXTERNAL = """<?xml version='1.0'?>
<!DOCTYPE network [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<network><name>net1</name><title>&x;</title></network>"""
NET = "<network>\n<name>net1</name>\n"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("", "This field is required."),
        ("no XML", "Line 1: This is not well-formed XML: "),
        (f"{NET}<title>\n</network>", "Line 4: This is not well-formed XML: Opening and ending tag mismatch"),
        (f"{NET}<title>&unknown;</title></network>", "Line 3: This is not well-formed XML: Entity 'unknown'"),
        (BOMB, "Line 1: The XML of a network cannot have a DOCTYPE."),
        (EXTERNAL, "Line 2: The XML of a network cannot have a DOCTYPE."),
        ("<domain><name>net1</name></domain>", "Line 1: This is a <domain>, not a <network>."),
        (f"{NET}<colour/></network>", "Line 3: "),
        (f"{NET}<mtu size='big'/></network>", "Line 3: "),
        ("<network><uuid>{uuid}</uuid></network>", "Line 1: "),
        (
            "<network>\n<name>other</name></network>",
            "Line 2: The name must stay net1, because libvirt cannot rename a network.",
        ),
        (f"{NET}<uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid></network>", "Line 3: The UUID must stay "),
        (
            f"{NET}<ip address='10.2.0.1' prefix='24'/>\n<ip address='10.2.0.129' prefix='25'/></network>",
            "Line 4: 10.2.0.128/25 overlaps 10.2.0.0/24 of the same network.",
        ),
        (f"{NET}<ip address='10.2.0.0' prefix='24'/></network>", "Line 3: This is the address of the block"),
        (
            f"{NET}<ip address='192.168.122.9' prefix='30'/></network>",
            "192.168.122.8/30 overlaps 192.168.122.0/24 of the network default.",
        ),
        (f"{NET}<mtu size='12'/></network>", "Line 3: An MTU is at least 68 and at most 65535."),
        (f"{NET}<mtu size='70000'/></network>", "Line 3: "),
        (f"{NET}<bridge name='{'b' * 16}'/></network>", "Line 3: A bridge name can have at most 15 bytes"),
    ],
)
def test_each_kind_of_error_has_its_line(network, document, problem):
    make_foreign_network(network.hypervisor)
    form = DocumentForm({"document": document.replace("{uuid}", network.uuid_text)}, network=network)
    assert not form.is_valid()
    assert any(each.startswith(problem) for each in form.errors["document"]), form.errors
    assert [str(each) for each in form.problems] == (form.errors["document"] if document else [])


@pytest.mark.parametrize("document", ["no <XML>", EXTERNAL, BOMB])
def test_an_error_is_shown_with_the_input_and_changes_nothing(staff, network, document):
    answer = xml(staff, network, document)
    assert answer.status_code == 422
    assert str(answer.context["form"].problems[0]) in text(tree(answer).xpath("//*[@role='alert']")[0])
    assert tree(answer).xpath("string(//textarea)").strip() == document
    assert "root:" not in answer.content.decode()
    assert is_as_before(network)


def test_xml_is_checked_then_saved(staff, network, operator):
    make_attached(network)
    document = network.full_document.replace("</network>", "<mtu size='9000'/></network>")
    document = document.replace("</dhcp>", "<host mac='52:54:00:00:00:08' ip='10.1.0.8'/></dhcp><!-- mine -->")
    checked = xml(staff, network, document)
    assert checked.status_code == 409
    assert "Checked, not saved yet" in checked.content.decode()
    assert "Restart net1, because libvirt cannot change this live: MTU" in str(steps(checked))
    assert is_as_before(network)
    assert staff.post(at(network, "xml"), filled(checked)).status_code == 302
    now = again(network)
    assert (now.spec.mtu, [str(host) for host in now.hosts.all()]) == (9000, ["52:54:00:00:00:08 10.1.0.8"])
    assert "<!-- mine -->" in now.document
    revision = now.revisions.first()
    assert (revision.by, revision.what) == (operator, "XML changed: DHCP reservation of 10.1.0.1/24, MTU")


def test_a_document_without_a_uuid_keeps_the_existing_one(staff, network):
    document = network.full_document.replace(f"<uuid>{network.uuid_text}</uuid>", "<title>T</title>")
    assert xml(staff, network, document, token=filled(xml(staff, network, document))["token"]).status_code == 302
    assert again(network).spec.uuid == network.uuid_text


def test_equal_entries_in_the_xml_are_all_kept(staff, network):
    host = "<host mac='52:54:00:00:00:08' ip='10.1.0.8'{name}/>"
    both = host.replace("{name}", "") + host.replace("{name}", " name='eight'")
    document = network.full_document.replace("</dhcp>", f"{both}</dhcp>")
    staff.post(at(network, "xml"), filled(xml(staff, network, document)))
    assert again(network).full_document.count("<host ") == again(network).hosts.count() == 2


def test_an_outdated_xml_page_shows_the_change_before_it_saves(page, lab):
    network = make_network(lab)
    path = f"{network.get_absolute_url()}xml/"
    typed = as_shown(page.get(path))
    again(network).reserve_ids(9, 1)
    before = again(network).generation
    answer = page.post(path, typed)
    assert answer.status_code == 409
    assert "Somebody else has changed net1 in the meantime" in answer.content.decode()
    sent = as_shown(answer) | {"token": answer.context["token"]}
    assert again(network).generation == before
    assert page.post(path, sent).status_code == 302
