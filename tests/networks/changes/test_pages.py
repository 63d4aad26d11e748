"""Pages that change networks: the plan before the deed, drift, adopting, XML, history, several at once."""

from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.utils import timezone
from lxml import html

from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.models import Network
from networks.xml_editor.form import DocumentForm
from tests.support.making import (
    agree,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_network,
    make_running,
    make_vm,
)
from tests.support.shown import as_shown
from virterweb.messages import Message


@pytest.fixture
def lab(db, pokes):
    return make_hypervisor()


@pytest.fixture
def network(lab) -> Network:
    return make_made(make_network(lab, "net1", "10.1.0.1/24", spec={"bridge": "virbr1"}))


@pytest.fixture
def staff(client, operator):
    """An operator's test client."""
    client.force_login(operator)
    return client


def make_made(network: Network, **values) -> Network:
    """Write down that libvirt has a wish as it is wanted."""
    spec = network.spec
    network.note(Event.ADDED, network.owner, result="done")
    agree(network)
    network.status.write(
        **{"present": True, "active": True, "autostart": True, "generation": network.generation}
        | {"ip_range": spec.ip_range, "bridge": spec.bridge, "made_at": network.created_at}
        | {"document": network.full_document, **values},
    )
    return again(network)


def make_attached(network: Network, name: str = "alma-8-8", number: int = 8, owner: str = "") -> None:
    """A VM that runs with a NIC on the network."""
    by = get_user_model().objects.get_or_create(username=owner)[0] if owner else None
    vm = make_vm(network.hypervisor, name, number, owner=by)
    make_running(vm, (network.name, f"52:54:00:80:00:{number:02x}", f"vnet{number}"))


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def at(network: Network, page: str) -> str:
    return f"{network.get_absolute_url()}{page}/"


def tree(answer):
    return html.fromstring(answer.content.decode())


def text(element) -> str:
    return " ".join(element.text_content().split())


def steps(answer) -> list[str]:
    return [text(item) for item in tree(answer).xpath("//div[@id='plan']//li")]


def filled(answer, form: str = "(//main//form[@method='post'])[last()]") -> dict[str, str]:
    """What a browser would send of a page's form."""
    (found,) = tree(answer).xpath(form)
    typed = {name: value or "" for name, value in found.form_values()}
    return typed | {each.name: each.value for each in tree(answer).xpath("//*[@form='change']")}


def form_of_edit(client, network: Network, **changed: str) -> dict[str, str]:
    typed = {**filled(client.get(at(network, "edit")), "//form[@id='change']"), **changed}
    preview = tree(client.post(at(network, "edit/preview"), typed))
    return typed | {"token": preview.xpath("string(//input[@name='token']/@value)")}


def said(answer) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def rows(answer) -> list[list[str]]:
    return [[text(cell) for cell in row] for row in tree(answer).xpath("//table/tbody/tr")]


def is_as_before(network: Network) -> bool:
    now = again(network)
    return all(
        getattr(now, name) == getattr(network, name)
        for name in ("generation", "managed", "document", "active", "autostart", "removed_at", "on_drift")
    )


# The form


def test_the_preview_names_vms_owners_and_seconds(page, network):
    make_attached(network, owner="paul")
    make_attached(network, "alma-9-9", 9)
    answer = page.post(at(network, "edit/preview"), {**form_of_edit(page, network), "mtu": "9000"})
    define, restart, reconnect = steps(answer)
    assert define == "Define net1 again"
    assert restart.startswith("Restart net1, because libvirt cannot change this live: MTU About 4.4 s for ")
    assert "alma-8-8 (paul), alma-9-9 4 s of this are caused by STP of the bridge" in restart
    assert reconnect == "Reconnect 2 running VMs: alma-8-8, alma-9-9"
    assert "These VMs belong to paul." in text(tree(answer))


def test_the_preview_says_what_goes_live_and_what_is_wrong(page, network):
    typed = form_of_edit(page, network)
    live = page.post(at(network, "edit/preview"), {**typed, "hosts": "52:54:00:00:00:08 10.1.0.8"})
    assert steps(live) == [
        "Add DHCP reservation of 10.1.0.1/24: 52:54:00:00:00:08 10.1.0.8 live, no VM is disconnected"
    ]
    wrong = page.post(at(network, "edit/preview"), {**typed, "mtu": "1"})
    assert "MTU: An MTU is at least 68" in text(tree(wrong))
    assert steps(wrong) == []
    assert is_as_before(network)


def test_what_disturbs_nobody_is_saved_at_once(page, network, pokes, django_capture_on_commit_callbacks):
    make_attached(network)
    typed = filled(page.get(at(network, "edit")), "//form[@id='change']")
    with django_capture_on_commit_callbacks(execute=True):
        answer = page.post(at(network, "edit"), {**typed, "hosts": "52:54:00:00:00:08 10.1.0.8"})
    assert answer.url == network.get_absolute_url()
    assert [str(host) for host in again(network).spec.hosts] == ["52:54:00:00:00:08 10.1.0.8"]
    assert pokes == [("networks.tasks.push", network.pk)]


def test_what_disturbs_vms_is_saved_only_with_the_plan_that_was_shown(page, network):
    make_attached(network)
    typed = filled(page.get(at(network, "edit")), "//form[@id='change']")
    refused = page.post(at(network, "edit"), {**typed, "mtu": "9000"})
    assert refused.status_code == 409
    assert "Nothing was saved yet" in refused.content.decode()
    assert "alma-8-8" in steps(refused)[1]
    assert is_as_before(network)
    assert page.post(at(network, "edit"), filled(refused, "//form[@id='change']")).status_code == 302
    assert again(network).spec.mtu == 9000


def test_the_steps_that_were_shown_are_kept_as_accepted(page, network):
    make_attached(network)
    page.post(at(network, "edit"), form_of_edit(page, network, mtu="9000"))
    define, restart, reconnect = again(network).accepted
    assert (define["step"], restart["step"], reconnect["step"]) == ("define", "restart", "reconnect")
    assert (restart["vms"], restart["disruption"], restart["seconds"]) == (["alma-8-8"], "brief", 4.41)


@pytest.mark.parametrize("what", ["a VM came", "libvirt’s side changed"])
def test_what_changed_since_the_plan_was_shown_is_shown_first(page, network, what):
    make_attached(network)
    typed = form_of_edit(page, network, mtu="9000")
    if what == "a VM came":
        make_attached(network, "alma-9-9", 9)
    else:
        network.status.write(active=False)
    refused = page.post(at(network, "edit"), typed)
    assert refused.status_code == 409
    assert ("alma-9-9" in str(steps(refused))) == (what == "a VM came")
    assert is_as_before(network)


def test_a_plan_made_up_is_not_taken(page, network):
    make_attached(network)
    typed = {**form_of_edit(page, network, mtu="9000"), "token": "0" * 16}
    assert page.post(at(network, "edit"), typed).status_code == 409
    assert is_as_before(network)


def test_the_history_gets_who_and_which_fields(page, network, user):
    page.post(at(network, "edit"), form_of_edit(page, network, domain="lab.test", title="Lab"))
    revision = network.revisions.first()
    assert (revision.by, revision.what) == (user, "changed Title, Domain, Domain is local only")


@pytest.mark.parametrize("path", ["edit", "plan", "take", "release", "on-drift"])
def test_what_others_made_is_not_changed(staff, lab, path):
    foreign = make_foreign_network(lab)
    assert said(staff.post(at(foreign, path))) == "The portal does not manage default. Adopt it first."
    assert is_as_before(foreign)


@pytest.mark.parametrize("path", ["edit", "plan", "take", "adopt", "release", "on-drift"])
def test_what_is_being_removed_is_not_changed_and_that_is_said(staff, network, path):
    network.remove()
    assert said(staff.post(at(network, path))) == "net1 is being deleted."
    assert again(network).removed_at


@pytest.mark.parametrize("path", ["edit/preview", "take", "adopt", "release", "on-drift"])
def test_looking_changes_nothing(staff, network, path):
    assert staff.get(at(network, path)).status_code == 405


@pytest.mark.parametrize("path", ["edit", "plan", "xml", "history"])
def test_every_page_needs_a_login(client, network, path):
    assert client.get(at(network, path)).url.startswith("/login/")


# Changed outside


@pytest.fixture
def drifted(network) -> Network:
    found = network.full_document.replace('end="10.1.0.254"', 'end="10.1.0.99"')
    network.status.write(document=found, autostart=False, drift="does not start with the host")
    return again(network)


def test_the_plan_shows_what_puts_ours_back_and_does_it(page, drifted, pokes, django_capture_on_commit_callbacks):
    shown = page.get(at(drifted, "plan"))
    assert steps(shown) == [
        "Delete DHCP range of 10.1.0.1/24: 10.1.0.2-10.1.0.99 live, no VM is disconnected",
        "Add DHCP range of 10.1.0.1/24: 10.1.0.2-10.1.0.254 live, no VM is disconnected",
        "Set net1 to start with the host",
    ]
    assert ["DHCP range of 10.1.0.1/24", "10.1.0.2-10.1.0.254", "–", "–"] in rows(shown)
    with django_capture_on_commit_callbacks(execute=True):
        assert page.post(at(drifted, "plan"), filled(shown)).url == drifted.get_absolute_url()
    now = again(drifted)
    assert (now.state, now.exact, len(now.accepted)) == ("pending", True, 3)
    assert now.full_document == drifted.full_document
    assert now.revisions.first().what == "reverted to saved definition"
    assert pokes == [("networks.tasks.push", drifted.pk)]


def test_putting_back_what_others_added_takes_their_host_entries_away(page, network):
    host = '<host mac="52:54:00:aa:00:01" ip="10.1.0.77"/></dhcp>'
    network.status.write(document=network.full_document.replace("</dhcp>", host))
    assert steps(page.get(at(network, "plan"))) == [
        "Delete DHCP reservation of 10.1.0.1/24: 52:54:00:aa:00:01 10.1.0.77 live, no VM is disconnected"
    ]
    assert again(network).plan() == ()


def test_ours_is_not_put_back_when_libvirt_has_changed_since(page, drifted):
    typed = filled(page.get(at(drifted, "plan")))
    drifted.status.write(autostart=True)
    refused = page.post(at(drifted, "plan"), typed)
    assert refused.status_code == 409
    assert "libvirt has changed since you saw the preview" in refused.content.decode()
    assert is_as_before(drifted)


def test_taking_makes_the_wish_what_libvirt_has(page, drifted, user):
    host = make_host(drifted, "52:54:00:00:00:08", "10.1.0.8")
    page.post(at(drifted, "take"))
    now = again(drifted)
    assert (now.spec.dhcp, now.autostart, now.spec.hosts) == ("10.1.0.2-10.1.0.99", False, ())
    assert now.plan() == ()
    assert not now.hosts.filter(pk=host.pk).exists()
    assert (now.revisions.first().what, now.revisions.first().by) == ("changes from libvirt accepted", user)


LIVE_ONLY = "<host mac='52:54:00:aa:00:01' ip='10.1.0.77'/>"


def make_half_changed(network: Network) -> Network:
    """Write down that others added an entry to what runs alone, and stored a domain that does not run yet."""
    document = network.full_document
    stored = document.replace("<ip ", "<domain name='theirs'/><ip ")
    network.status.write(document=document.replace("</dhcp>", f"{LIVE_ONLY}</dhcp>"), stored=stored, drift="differs")
    return again(network)


def test_each_difference_is_shown_with_the_side_that_has_it(page, network):
    make_half_changed(network)
    entry = "52:54:00:aa:00:01 10.1.0.77"
    expected = [["DHCP reservation of 10.1.0.1/24", "–", "–", entry], ["Domain", "–", "theirs", "–"]]
    for path in ("", "plan/", "xml/"):
        shown = tree(page.get(f"{network.get_absolute_url()}{path}"))
        found = [[text(cell) for cell in row] for row in shown.xpath("//table[@class='differences']/tbody/tr")]
        assert sorted(found) == expected


def test_accepting_takes_both_sides_and_deletes_nothing_that_runs(page, network):
    make_half_changed(network)
    answer = said(page.post(at(network, "take")))
    assert answer == (
        "The saved definition of net1 is now what libvirt stores. What ran without being stored is in it too, and "
        "libvirt stores it: DHCP reservation of 10.1.0.1/24 52:54:00:aa:00:01 10.1.0.77. "
        "What runs stays different until net1 is restarted: Domain."
    )
    now = again(network)
    assert (now.spec.domain, [str(host) for host in now.spec.hosts]) == ("theirs", ["52:54:00:aa:00:01 10.1.0.77"])
    (step,) = now.plan()
    assert (step.update.command.value, step.update.live, step.update.stored) == ("add", False, True)


def test_a_reservation_beside_what_runs_alone_leaves_that_alone(page, network):
    make_half_changed(network)
    network.reserve_ids(8, 1)
    (step,) = again(network).plan()
    assert step.text == "Add DHCP reservation of 10.1.0.1/24: 52:54:00:00:00:08 10.1.0.8"
    assert (step.update.live, step.update.stored) == (True, True)


def test_a_restart_keeps_what_runs_alone_and_says_what_else_it_puts_into_effect(page, network):
    make_half_changed(network)
    wanted = replace(network.wanted, document=edit(network.full_document, replace(network.spec, mtu=9000)))
    define, restart, update = again(network).plan(wanted)
    assert "theirs" in define.xml
    assert LIVE_ONLY.replace("'", '"') not in define.xml
    assert restart.text == (
        "Restart net1, because libvirt cannot change this live: MTU. Changes stored outside the portal also take "
        "effect: Domain"
    )
    assert update.text == "Add DHCP reservation of 10.1.0.1/24: 52:54:00:aa:00:01 10.1.0.77"
    assert (update.update.live, update.update.stored) == (True, False)


def test_nothing_is_taken_of_what_libvirt_does_not_have(page, network):
    network.status.write(present=False)
    assert said(page.post(at(network, "take"))) == "libvirt has no net1."
    assert is_as_before(network)


def test_adopting_makes_what_libvirt_has_the_wish_and_changes_nothing_there(page, lab, user):
    foreign = make_foreign_network(lab)
    found = foreign.status.document.replace("</dhcp>", "<host mac='52:54:00:00:00:08' ip='192.168.122.8'/></dhcp>")
    foreign.status.write(document=found, autostart=False)
    answer = page.post(at(foreign, "adopt"))
    assert said(answer) == "default is the portal’s from now on; nothing changes in libvirt."
    now = again(foreign)
    assert (now.managed, now.active, now.autostart, now.plan(), now.plan(exact=True)) == (True, True, False, (), ())
    assert [str(host) for host in now.hosts.all()] == ["52:54:00:00:00:08 192.168.122.8"]
    assert now.status.made_at
    revision = now.revisions.get()
    assert (revision.what, revision.by) == ("adopted", user)


def test_a_name_that_the_portal_has_already_is_not_adopted(page, lab):
    make_network(lab, "default", "10.9.0.1/24")
    foreign = make_foreign_network(lab)
    foreign_path = "/networks/lab-1/default/adopt/"
    assert said(page.post(foreign_path)) == "The portal already manages another network default on lab-1."
    assert again(foreign).managed is False


def test_what_is_the_portals_already_cannot_be_adopted(page, network):
    assert said(page.post(at(network, "adopt"))) == "The portal manages net1 already."
    assert is_as_before(network)


def test_releasing_lets_go_and_leaves_libvirt_alone(page, network, pokes):
    make_host(network, "52:54:00:00:00:08", "10.1.0.8")
    answer = page.post(at(network, "release"))
    assert said(answer) == "net1 is no longer the portal’s; libvirt keeps it as it is."
    now = again(network)
    assert (now.state, now.document, now.hosts.count()) == ("unmanaged", "", 0)
    assert [revision.what for revision in now.revisions.all()] == ["released", "added"]
    assert now.status.document == network.status.document
    assert pokes == []
    assert page.get(now.get_absolute_url()).status_code == 200


def test_what_was_released_can_be_adopted_again(page, network):
    page.post(at(network, "release"))
    page.post(at(network, "adopt"))
    assert again(network).full_document == network.full_document


def test_what_libvirt_does_not_have_is_not_released(page, network):
    network.status.write(present=False)
    page.post(at(network, "release"))
    assert again(network).managed


def test_operators_say_what_happens_by_itself(staff, network):
    staff.post(at(network, "on-drift"), {"on_drift": "put back"})
    assert again(network).on_drift == "put back"
    staff.post(at(network, "on-drift"), {"on_drift": "nonsense"})
    assert again(network).on_drift == "put back"
    assert again(network).generation == network.generation


def test_users_do_not_say_what_happens_by_itself(member_page, network):
    assert member_page.post(at(network, "on-drift"), {"on_drift": "take"}).status_code == 403
    assert again(network).on_drift == "ask"
    assert 'name="on_drift"' not in member_page.get(network.get_absolute_url()).content.decode()


# XML


def xml(client, network: Network, document: str, **more: str):
    return client.post(at(network, "xml"), {"document": document, **more})


def test_users_see_both_sides_but_change_nothing(member_page, drifted):
    shown = member_page.get(at(drifted, "xml"))
    wanted, found = tree(shown).xpath("//main/section/pre")
    assert "10.1.0.254" in wanted.text
    assert "10.1.0.99" in found.text
    assert xml(member_page, drifted, drifted.full_document).status_code == 403
    assert is_as_before(drifted)


def test_operators_change_nothing_of_others(staff, lab):
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
        ("no XML", "Line 1: This is no well-formed XML: "),
        (f"{NET}<title>\n</network>", "Line 4: This is no well-formed XML: Opening and ending tag mismatch"),
        (f"{NET}<title>&unknown;</title></network>", "Line 3: This is no well-formed XML: Entity 'unknown'"),
        (BOMB, "Line 1: A network’s document has no DOCTYPE."),
        (EXTERNAL, "Line 2: A network’s document has no DOCTYPE."),
        ("<domain><name>net1</name></domain>", "Line 1: This is a <domain>, not a <network>."),
        (f"{NET}<colour/></network>", "Line 3: "),
        (f"{NET}<mtu size='big'/></network>", "Line 3: "),
        ("<network><uuid>{uuid}</uuid></network>", "Line 1: "),
        ("<network>\n<name>other</name></network>", "Line 2: The name stays net1: libvirt gives a network no other."),
        (f"{NET}<uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid></network>", "Line 3: The uuid stays "),
        (
            f"{NET}<ip address='10.2.0.1' prefix='24'/>\n<ip address='10.2.0.129' prefix='25'/></network>",
            "Line 4: 10.2.0.128/25 overlaps 10.2.0.0/24 of this network itself.",
        ),
        (f"{NET}<ip address='10.2.0.0' prefix='24'/></network>", "Line 3: This is the block itself"),
        (
            f"{NET}<ip address='192.168.122.9' prefix='30'/></network>",
            "192.168.122.8/30 overlaps 192.168.122.0/24 of the network default.",
        ),
        (f"{NET}<mtu size='12'/></network>", "Line 3: An MTU is at least 68 and at most 65535."),
        (f"{NET}<mtu size='70000'/></network>", "Line 3: "),
        (f"{NET}<bridge name='{'b' * 16}'/></network>", "Line 3: A bridge name has at most 15 bytes"),
    ],
)
def test_each_kind_of_mistake_is_told_with_its_line(network, document, problem):
    make_foreign_network(network.hypervisor)
    form = DocumentForm({"document": document.replace("{uuid}", network.uuid_text)}, network=network)
    assert not form.is_valid()
    assert any(each.startswith(problem) for each in form.errors["document"]), form.errors
    assert [str(each) for each in form.problems] == (form.errors["document"] if document else [])


@pytest.mark.parametrize("document", ["no <XML>", EXTERNAL, BOMB])
def test_a_mistake_is_shown_beside_what_was_typed_and_changes_nothing(staff, network, document):
    answer = xml(staff, network, document)
    assert answer.status_code == 422
    assert text(tree(answer).xpath("//p[@role='alert']")[0]) == str(answer.context["form"].problems[0])
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


def test_a_document_without_uuid_keeps_it(staff, network):
    document = network.full_document.replace(f"<uuid>{network.uuid_text}</uuid>", "<title>T</title>")
    assert xml(staff, network, document, token=filled(xml(staff, network, document))["token"]).status_code == 302
    assert again(network).spec.uuid == network.uuid_text


def test_entries_that_are_alike_in_the_xml_are_all_kept(staff, network):
    host = "<host mac='52:54:00:00:00:08' ip='10.1.0.8'{name}/>"
    both = host.replace("{name}", "") + host.replace("{name}", " name='eight'")
    document = network.full_document.replace("</dhcp>", f"{both}</dhcp>")
    staff.post(at(network, "xml"), filled(xml(staff, network, document)))
    assert again(network).full_document.count("<host ") == again(network).hosts.count() == 2


# History


def test_the_history_lists_who_what_changes_plan_and_result(page, network, user):
    page.post(at(network, "edit"), form_of_edit(page, network, domain="lab.test"))
    page.post(at(network, "edit"), form_of_edit(page, network, hosts="52:54:00:00:00:08 10.1.0.8"))
    network.revisions.filter(about__fields__0=["domain name", ""]).update(
        plan=[{"step": "undefine", "variant": "", "network": "net1"}], result="done", seconds=1.5
    )
    network.change(Event.STOPPED, active=False)
    network.revisions.filter(event="stopped").update(result="failed", error=Message.external("Could not stop <net1>"))
    found = [row[1:] for row in rows(page.get(at(network, "history")))]
    assert found == [
        ["", "stopped", "Active: yes → no", "", "Could not stop <net1>"],
        [
            *("mira", "changed DHCP reservation of 10.1.0.1/24"),
            *("DHCP reservation of 10.1.0.1/24: – → 52:54:00:00:00:08 10.1.0.8", "", "in progress"),
        ],
        [
            *("mira", "changed Domain, Domain is local only"),
            "Domain: – → lab.test Domain is local only: – → yes",
            *("Undefine net1", "done in 1.50 s"),
        ],
        [
            *("", "added"),
            "Bridge: – → virbr1 Block: – → 10.1.0.1/24 DHCP range of 10.1.0.1/24: – → 10.1.0.2-10.1.0.254",
            *("", "done"),
        ],
    ]


def test_an_earlier_wish_is_restored_as_a_new_one_with_its_host_entries(page, network, user):
    entry = make_host(network, "52:54:00:00:00:08", "10.1.0.8")
    network.change(Event.CHANGED)
    first = network.revisions.first()
    page.post(at(network, "edit"), form_of_edit(page, network, hosts="52:54:00:00:00:09 10.1.0.9", title="Later"))
    network.change(Event.STOPPED, active=False)
    entry.refresh_from_db()
    assert entry.removed_at
    shown = page.get(first.get_absolute_url())
    assert ["Title", "Later", "–"] in rows(shown)
    generation = again(network).generation
    assert page.post(first.get_absolute_url(), filled(shown)).url == network.get_absolute_url()
    now = again(network)
    assert [str(host) for host in now.spec.hosts] == ["52:54:00:00:00:08 10.1.0.8"]
    assert (now.active, now.spec.title, now.generation > generation) == (True, "", True)
    assert now.full_document == first.document
    assert now.revisions.first().what == f"restored as of {first.at:%Y-%m-%d %H:%M}"
    assert now.revisions.first().by == user
    assert now.revisions.count() == 5


def test_restoring_what_disturbs_vms_needs_the_plan_that_was_shown(page, network):
    first = network.revisions.get()
    network.change(Event.CHANGED, document=network.full_document.replace("</network>", "<mtu size='9000'/></network>"))
    agree(again(network))
    network.status.write(document=again(network).full_document, generation=network.generation)
    typed = filled(page.get(first.get_absolute_url()))
    make_attached(network)
    refused = page.post(first.get_absolute_url(), typed)
    assert refused.status_code == 409
    assert "alma-8-8" in str(steps(refused))
    assert again(network).spec.mtu == 9000


def test_a_revision_of_another_network_is_not_found(page, lab, network):
    other = make_made(make_network(lab, "net2", "10.2.0.1/24"))
    assert page.get(f"{at(network, 'history')}{other.revisions.get().pk}/").status_code == 404


def test_what_others_made_has_no_history_yet(page, lab):
    assert "No changes recorded yet." in page.get(at(make_foreign_network(lab), "history")).content.decode()


# Several at once


def bulk(client, action: str, *networks: Network, **more: str):
    return client.post("/networks/bulk/", {"action": action, "network": [each.pk for each in networks], **more})


def confirm(client, answer):
    (form,) = tree(answer).xpath("//main//form")
    data = {name: [value for key, value in form.form_values() if key == name] for name, _ in form.form_values()}
    return client.post("/networks/bulk/", data)


@pytest.fixture
def three(lab, network) -> list[Network]:
    """One that runs with a VM, one that is stopped, one of others."""
    make_attached(network)
    stopped = make_network(lab, "net2", "10.2.0.1/24", active=False, autostart=False)
    return [network, make_made(stopped, active=False, autostart=False), make_foreign_network(lab)]


def test_each_row_has_its_own_plan(page, three):
    answer = bulk(page, "stop", *three)
    assert answer.status_code == 200
    assert rows(answer) == [
        ["default", "The portal does not manage it. Adopt it first", ""],
        ["net1", "Stop net1", "alma-8-8: disconnected"],
        ["net2", "Nothing, it is so already", ""],
    ]
    assert all(is_as_before(each) for each in three)


def test_several_are_stopped_and_those_refused_are_left_alone(page, three, pokes, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert said(confirm(page, bulk(page, "stop", *three))) == (
            "default: The portal does not manage it. Adopt it first. Stop: net1, net2."
        )
    assert [again(each).active for each in three[:2]] == [False, False]
    assert is_as_before(three[2])
    assert again(three[0]).accepted[0]["vms"] == ["alma-8-8"]
    assert {pk for _, pk in pokes} == {three[0].pk, three[1].pk}


@pytest.mark.parametrize(
    ("action", "column", "value"),
    [("start", "active", True), ("autostart", "autostart", True), ("no-autostart", "autostart", False)],
)
def test_several_are_switched(page, three, action, column, value):
    confirm(page, bulk(page, action, *three[:2]))
    assert [getattr(again(each), column) for each in three[:2]] == [value, value]


def test_several_are_removed_and_the_page_says_who_is_cut_off(page, three):
    answer = bulk(page, "remove", *three)
    assert ["net1", "Delete net1", "alma-8-8: disconnected"] in rows(answer)
    assert all(is_as_before(each) for each in three)
    confirm(page, answer)
    assert all(again(each).removed_at and again(each).cut_off == ["alma-8-8"] * (each.name == "net1") for each in three)


def test_several_are_adopted(page, three, lab):
    answer = bulk(page, "adopt", *three)
    assert rows(answer)[0] == ["default", "The portal manages it from now on; nothing changes in libvirt", ""]
    assert rows(answer)[1][1] == "The portal manages it already"
    assert said(confirm(page, answer)).endswith(" net2: The portal manages it already. Adopt: default.")
    assert again(three[2]).managed


@pytest.mark.parametrize("token", ["", "made up"])
def test_nothing_is_done_without_the_plan_that_was_shown(page, three, token):
    assert bulk(page, "remove", *three, token=token).status_code == 200
    assert all(is_as_before(each) for each in three)


def test_a_vm_that_came_since_makes_the_page_ask_again(page, three):
    shown = bulk(page, "stop", *three)
    make_attached(three[0], "alma-9-9", 9)
    answer = confirm(page, shown)
    assert ["net1", "Stop net1", "alma-8-8, alma-9-9: disconnected"] in rows(answer)
    assert is_as_before(three[0])


@pytest.mark.parametrize(
    "data",
    [
        {"action": "stop"},
        {"action": "explode", "network": ["1"]},
        {"action": "stop", "network": ["x"]},
        {"action": "stop", "network": ["9" * 30]},
    ],
)
def test_a_choice_that_makes_no_sense_is_said_so(page, lab, data):
    answer = page.post("/networks/bulk/", data)
    assert answer.url == "/networks/"
    assert said(answer) == "Choose networks, and what shall be done."


def test_an_entry_outside_every_range_is_said_and_keeps_its_address(page, network):
    typed = {**form_of_edit(page, network), "ranges": "10.1.0.100-10.1.0.200", "hosts": "52:54:00:00:00:08 10.1.0.8"}
    said = text(tree(page.post(at(network, "edit/preview"), typed)))
    assert "Outside every range, which keeps them their addresses all the same: 52:54:00:00:00:08 10.1.0.8." in said


def test_removing_the_access_network_with_others_says_what_that_means(page, three, lab):
    (row,) = [row for row in rows(bulk(page, "remove", *three)) if row[0] == "default"]
    assert row[1] == "Delete default This is the access network of lab-1. No VM can be run there without it."


def test_a_stale_xml_page_says_so_and_saves_nothing_at_first(page, lab):
    network = make_network(lab)
    path = f"{network.get_absolute_url()}xml/"
    typed = as_shown(page.get(path))
    again(network).reserve_ids(9, 1)
    before = again(network).generation
    answer = page.post(path, typed)
    assert answer.status_code == 409
    assert "Somebody else has changed net1 meanwhile" in answer.content.decode()
    sent = as_shown(answer) | {"token": answer.context["token"]}
    assert again(network).generation == before
    assert page.post(path, sent).status_code == 302


def test_what_others_changed_since_the_page_was_opened_is_not_accepted(page, lab):
    network = make_network(lab)
    network.status.write(present=True, made_at=timezone.now(), document=network.full_document, drift="MTU: 1400")
    seen = again(network).status.drift_digest
    network.status.write(drift="MTU: 1400\ndomain: theirs")
    before = again(network).generation
    answer = page.post(f"{network.get_absolute_url()}take/", {"seen": seen}, follow=True)
    assert "net1 was changed in libvirt since you saw it" in answer.content.decode()
    assert again(network).generation == before


def test_a_domain_on_a_network_whose_dns_is_off_promises_no_names(page, lab):
    network = make_made(make_network(lab, "net1", "10.1.0.1/24", spec={"dns": False}))
    typed = form_of_edit(page, network)
    said = "DNS is off, so guests do not find each other by name."
    assert said not in text(tree(page.post(at(network, "edit/preview"), {**typed, "mtu": "9000"})))
    assert said in text(tree(page.post(at(network, "edit/preview"), {**typed, "domain": "lab.example"})))
    on = {**typed, "domain": "lab.example", "dns": "yes"}
    assert said not in text(tree(page.post(at(network, "edit/preview"), on)))
    assert "The network’s DNS is off" in text(tree(page.get(at(network, "hosts/add"))))
