"""What the XML editor of VMs refuses, with the line of each mistake."""

import pytest

from vms.definition.documents.passwords import with_passwords, without_passwords
from vms.xml_editor.check import SCHEMA, problems

UUID = "11111111-2222-4333-8444-555555555555"
GOOD = f"""<domain type="kvm">
  <name>web</name>
  <uuid>{UUID}</uuid>
  <memory unit="MiB">64</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch="x86_64">hvm</type>
  </os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
  </devices>
</domain>
"""
LAUGHS = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>\n'


def found(document: str) -> list[str]:
    return [str(each) for each in problems(document, GOOD, "web", UUID)]


def test_a_good_document_has_no_problem():
    assert found(GOOD) == []
    assert found(GOOD.replace(">64<", ">128<")) == []


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("</vcpu>", "</cpus>", "Line 5: Opening and ending tag mismatch"),
        ("<domain ", f"{LAUGHS}<domain ", "Line 1: A document type declaration is not allowed"),
        ("domain", "network", "Line 1: The root element is <network>"),
        ("<name>web<", "<name>mail<", "Line 2: The name must stay web"),
        (UUID, UUID.replace("1", "9"), f"Line 3: The UUID must stay {UUID}"),
        (f"  <uuid>{UUID}</uuid>\n", "", "The UUID is missing"),
        ("  <name>web</name>\n", "", "A VM needs a name"),
        (">64<", ">0<", "must be from 1 to"),
        ("qemu-system", "qemu\u202e-system", "Invisible characters are not allowed"),
    ],
)
def test_each_mistake_is_named_with_its_line(was, becomes, said):
    assert said in " ".join(found(GOOD.replace(was, becomes)))


@pytest.mark.skipif(not SCHEMA.exists(), reason="libvirt’s schemas are not installed")
def test_an_error_of_the_schema_is_named_with_its_line():
    (said,) = found(GOOD.replace("<emulator>", "<emulator colour='red'>"))
    assert "from libvirt’s schema" in said
    assert said.startswith("Line ")


def test_a_password_that_is_not_shown_is_kept_in_the_same_display():
    shown = "<domain><devices><graphics type='vnc' port='-1'/><graphics type='spice'/></devices></domain>"
    secure = shown.replace("'vnc'", "'vnc' passwd='secret'")
    assert with_passwords(shown, secure).count("secret") == 1
    assert 'type="spice" passwd' not in with_passwords(shown, secure)
    assert "secret" not in with_passwords(shown.replace("'vnc'", "'vnc' passwd='new'"), secure)
    assert "secret" not in with_passwords(shown.replace("<graphics type='vnc' port='-1'/>", ""), secure)


def test_the_history_keeps_no_password():
    typed = "<domain><devices><graphics type='vnc' passwd='secret'/></devices></domain>"
    assert "secret" not in without_passwords(typed)


def test_more_than_two_million_characters_are_refused(client, db):
    from vms.xml_editor.form import LONGEST, DomainForm

    assert DomainForm.base_fields["document"].max_length == LONGEST == 2_000_000
