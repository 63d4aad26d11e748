"""Invisible characters are refused in names and spelled out on pages; names that look alike are marked."""

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from networks.changes.forms.network import NetworkForm
from networks.changes.merge import as_text
from networks.definition import rules
from networks.models import Network
from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_lease, make_network
from virterweb.pages import characters
from virterweb.people.cli import table
from vms.models import VM, Image

HIDDEN = {
    **{"right-to-left override": "\u202e", "left-to-right isolate": "\u2066", "arabic letter mark": "\u061c"},
    **{"zero width space": "\u200b", "zero width joiner": "\u200d", "word joiner": "\u2060", "soft hyphen": "\xad"},
    **{"byte order mark": "\ufeff", "hangul filler": "\u3164", "halfwidth filler": "\uffa0", "braille blank": "\u2800"},
    **{"grapheme joiner": "\u034f", "variation selector": "\ufe0f", "tag": "\U000e0041", "next line": "\x85"},
    **{"escape": "\x1b", "delete": "\x7f", "no-break space": "\xa0", "ideographic space": "\u3000", "line": "\u2028"},
}


@pytest.mark.parametrize("char", HIDDEN.values(), ids=HIDDEN)
def test_an_invisible_character_is_refused_in_names_and_one_line_texts(char):
    text = f"net{char}1"
    for check in (rules.validate_name, rules.validate_printable, rules.validate_domain, rules.validate_hostname):
        with pytest.raises(ValidationError):
            check(text)
    assert f"U+{ord(char):04X}" in characters.hidden_in(text)
    assert characters.visible(text) == f"net[U+{ord(char):04X}]1"


@given(st.text())
def test_only_invisible_characters_are_spelled_out(text):
    shown = characters.visible(text)
    assert characters.hidden_in(shown) == ""
    assert shown == text or characters.hidden_in(text)
    assert not characters.HIDDEN.search(characters.visible_html(text.replace("<", "")))


@pytest.mark.parametrize("name", ["net1", "größe", "сеть", "网络", "δίκτυο", "a b", "Web-10.lab_x"])
def test_names_of_all_languages_are_taken(name):
    rules.validate_name(name)
    assert characters.warnings([name]) == {}


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab")


EVIL = "ne\u202et1"


def test_forms_and_xml_refuse_an_invisible_character_at_the_field(page, lab):
    make_image(lab)
    network = make_network(lab, "plain", "10.3.0.1/24")
    sent = {"hypervisor": lab.pk, "ipv4": "10.1.0.1/24", "name": "net1"}
    for field in ("name", "title", "domain", "port_groups", "dns_hosts"):
        answer = page.post("/networks/add/", {**sent, field: EVIL})
        assert answer.status_code == 422
        assert field in answer.context["form"].errors
    assert Network.objects.count() == 1
    assert page.post("/images/", {"hypervisor": lab.pk, "name": EVIL, "volume": "x"}).status_code == 422
    document = network.full_document.replace("<uuid>", f"<title>{EVIL}</title><uuid>")
    answer = page.post("/networks/lab/plain/xml/", {"document": document})
    assert answer.status_code == 422
    assert "U+202E" in answer.content.decode()


def test_a_network_that_others_named_so_can_be_edited_in_other_fields(lab):
    network = make_network(lab, "net1", "10.1.0.1/24")
    document = network.document.replace("net1", EVIL).replace("<uuid>", f"<title>{EVIL}</title><uuid>")
    Network.objects.filter(pk=network.pk).update(name=EVIL, document=document)
    network = Network.objects.get()
    form = NetworkForm({**as_text(NetworkForm(network=network, user=None)), "mtu": "1400"}, network=network, user=None)
    assert form.errors == {}


def test_an_outside_name_with_invisible_characters_is_spelled_out_and_its_links_work(page, lab):
    network = make_foreign_network(lab)
    Network.objects.filter(pk=network.pk).update(name=EVIL)
    make_lease(network, "52:54:00:00:00:07", "192.168.122.7", "ho\u200bst\x1b[31m")
    vm = VM.objects.create(hypervisor=lab, name=EVIL, managed=False, generation=0)
    paths = ["/", "/networks/", "/vms/", Network.objects.get().get_absolute_url(), vm.get_absolute_url()]
    paths += [f"{Network.objects.get().get_absolute_url()}{each}/" for each in ("leases", "addresses", "hosts", "xml")]
    for path in paths:
        answer = page.get(path)
        assert answer.status_code == 200, path
        shown = answer.content.decode()
        texts = characters.OF_HTML.sub(lambda each: "" if each[1] else each[0], shown)
        assert not characters.HIDDEN.search(texts), path
    assert "ne[U+202E]t1" in page.get("/networks/").content.decode()
    assert "ho[U+200B]st[U+001B][31m" in page.get(f"{Network.objects.get().get_absolute_url()}leases/").content.decode()


def test_editable_values_keep_their_invisible_characters():
    page = f'<p title="{EVIL}">{EVIL}</p><textarea name="x">{EVIL}</textarea><option value="{EVIL}">{EVIL}</option>'
    shown = characters.visible_html(page)
    assert f'<textarea name="x">{EVIL}</textarea>' in shown
    assert f'<option value="{EVIL}">ne[U+202E]t1</option>' in shown


def test_tables_of_commands_send_no_control_characters_to_the_terminal():
    assert table(("Name",), [("a\x1b[2Jb",), (EVIL,)]) == "Name\na[U+001B][2Jb\nne[U+202E]t1"


ALIKE = [("net1", "netl"), ("net1", "nеt1"), ("vm-O", "vm-0"), ("core", "соrе"), ("arm", "arrn"), ("a-b", "a‑b")]
ALIKE += [("web", "Web")]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_look_alike_are_marked_on_both(one, other):
    found = characters.warnings([one, other, "something-else"])
    assert found == {one: f"looks like {other}", other: f"looks like {one}"}


@pytest.mark.parametrize("name", ["pаypal", "ｎｅｔ", "gооgle"])
def test_mixed_scripts_are_marked(name):
    assert characters.warnings([name]) == {name: "mixes scripts"}


def test_similar_names_are_marked_in_lists_and_on_pages(page, lab):
    for name in ("net1", "nеt1"):
        make_network(lab, name, "")
        VM.objects.create(hypervisor=lab, name=name, managed=False, generation=0)
        Image.objects.create(hypervisor=lab, name=name, volume=name)
    for path in ("/networks/", "/vms/", "/images/", "/networks/lab/net1/", "/vms/lab/net1/"):
        assert "looks like nеt1" in page.get(path).content.decode(), path


def test_the_admin_refuses_user_names_with_invisible_characters(client, operator):
    client.force_login(operator)
    sent = {
        "username": "adm\u3164in",
        "usable_password": "true",
        "password1": "fgh35vbnm78",
        "password2": "fgh35vbnm78",
    }
    answer = client.post("/admin/auth/user/add/", sent)
    assert "invisible" in str(answer.context["adminform"].form.errors["username"])
    assert get_user_model().objects.count() == 1
