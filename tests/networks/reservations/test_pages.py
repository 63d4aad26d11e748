"""The pages that reserve addresses: add, change, remove, paste, by ID, of a lease by one click; and the address map."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from lxml import html

from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Lease, Network
from networks.reservations.forms import LONGEST_PASTE
from networks.reservations.reservations import entries, remove, reserve
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from virterweb.messages import Message

NETWORK = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.99'/></dhcp></ip>
<ip family='ipv6' address='fd00:5::1' prefix='64'><dhcp><range start='fd00:5::100' end='fd00:5::1ff'/></dhcp></ip>
</network>"""
WIDE = """<network><name>wide</name><uuid>{uuid}</uuid><bridge name='virbr6'/>
<ip address='10.6.0.1' prefix='16'><dhcp><range start='10.6.0.2' end='10.6.255.254'/></dhcp></ip></network>"""
SIX_ONLY = """<network><name>six</name><uuid>{uuid}</uuid><bridge name='virbr7'/>
<ip family='ipv6' address='fd00:7::1' prefix='64'/></network>"""
MAC, OTHER_MAC, DUID = "52:54:00:00:00:08", "52:54:00:00:00:09", "00:03:00:01:52:54:00:00:00:08"
EIGHT = HostSpec(mac=MAC, ip="10.5.0.8", name="eight")
NINE = HostSpec(mac=OTHER_MAC, ip="10.5.0.9", name="nine", lease=43200)
SIX = HostSpec(duid=DUID, ip="fd00:5::6", name="six")
NAMED = HostSpec(ip="10.5.0.10", name="ten")
HOSTILE = "<script>alert('x')</script>"

Post = Callable[..., HttpResponse]


@pytest.fixture
def lab(db, pokes):
    return make_hypervisor()


@pytest.fixture
def net(lab) -> Network:
    """A network that others made, as libvirt was seen to have it."""
    return make_foreign_network(lab, NETWORK)


@pytest.fixture
def post(page, pokes, django_capture_on_commit_callbacks) -> Post:
    """Posts as a browser does; `pokes` are those of the last one."""

    def run(path: str, data: dict | None = None, **options: object) -> HttpResponse:
        pokes.clear()
        with django_capture_on_commit_callbacks(execute=True):
            return page.post(path, data or {}, **options)

    return run


def at(network: Network, page: str = "hosts", *args: object) -> str:
    return reverse(f"networks:{page}", args=[network.hypervisor.name, network.name, *args])


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def found(network: Network, *hosts: HostSpec) -> None:
    """Write down that libvirt was seen to have these entries."""
    DHCPHostStatus.objects.bulk_create(DHCPHostStatus.of(network, host) for host in hosts)


def reserved(network: Network) -> set[HostSpec]:
    return set(entries(again(network)).values())


def pushed(network: Network) -> list[tuple[str, int]]:
    return [("networks.tasks.push", network.pk)]


def tree(answer: HttpResponse):
    return html.fromstring(answer.content.decode())


def text(element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def table(answer: HttpResponse, name: str) -> list[list[str]]:
    return [[text(cell) for cell in row] for row in tree(answer).xpath(f"//table[@id='{name}']/tbody/tr")]


def filled(answer: HttpResponse) -> dict[str, str]:
    """What a browser would send of the page's form."""
    (form,) = tree(answer).xpath("//main//form[@method='post']")
    typed = [each for each in form.inputs if each.get("type") != "checkbox" or each.checked]
    named = [each for each in typed if each.name not in (None, "csrfmiddlewaretoken")]
    return {each.name: (each.value or "").lstrip("\r\n") for each in named}


def errors(answer: HttpResponse) -> dict[str, str]:
    """What stands at which field."""
    found = tree(answer).xpath("//div[@class='error']")
    return {each.get("id").removeprefix("id_").removesuffix("_error"): text(each) for each in found}


def said(answer: HttpResponse) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


# The table


def test_the_table_says_who_each_entry_is_for_and_how_it_stands(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    make_lease(net, MAC, "10.5.0.80")
    found(net, EIGHT, SIX)
    reserve(again(net), [NINE], None)
    remove(again(net), [SIX.ip], None)
    assert table(page.get(at(net)), "hosts-table") == [
        ["10.5.0.8", MAC, "eight", "vm-8", "10.5.0.80", "reserved", "Edit Remove"],
        ["10.5.0.9", OTHER_MAC, "nine", "no VM has this MAC", "", "being added", "Edit Remove"],
        ["fd00:5::6", DUID, "six", "", "", "being removed", ""],
    ]


def test_the_table_can_show_those_alone_that_no_vm_uses(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    found(net, EIGHT, NINE, SIX)
    assert [row[0] for row in table(page.get(at(net) + "?unused=1"), "hosts-table")] == ["10.5.0.9"]
    net.found_hosts.filter(mac=OTHER_MAC).delete()
    assert "Every DHCP reservation is for a VM." in text(tree(page.get(at(net) + "?unused=1")))


def test_without_entries_the_table_says_what_it_is_for(page, net):
    assert "No DHCP reservations yet." in text(tree(page.get(at(net))))
    alone = page.get(at(net), headers={"HX-Request": "true"})
    assert tree(alone).get("id") == "hosts"


def test_a_name_from_outside_is_no_markup(page, net):
    found(net, HostSpec(mac=MAC, ip=EIGHT.ip, name=HOSTILE))
    for path in (at(net), at(net, "host_edit", EIGHT.ip), at(net, "addresses")):
        assert HOSTILE not in page.get(path).content.decode()
    assert HOSTILE in text(tree(page.get(at(net))))


# One more


def test_the_form_proposes_what_is_not_given(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    assert filled(page.get(at(net, "host_add")))["ip"] == "10.5.0.2"
    shown = page.get(at(net, "host_add") + "?mac=52-54-00-00-00-08")
    assert {"ip": "10.5.0.2", "name": "vm-8", "lease": ""}.items() <= filled(shown).items()
    make_lease(net, MAC, "10.5.0.80")
    shown = filled(page.get(at(net, "host_add") + f"?mac={MAC}"))
    assert (shown["mac"], shown["ip"], shown["name"]) == (MAC, "10.5.0.80", "vm-8")
    assert filled(page.get(at(net, "host_add") + "?ip=10.5.0.50"))["ip"] == "10.5.0.50"


def test_the_form_offers_the_nics_that_have_no_entry(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    make_running(make_vm(lab, "vm-9", 9), ("net1", OTHER_MAC, "vnet9"))
    found(net, NINE)
    shown = tree(page.get(at(net, "host_add")))
    assert shown.xpath("//datalist/option/@value") == [MAC]
    assert shown.xpath("//aside//li/a/@href") == [at(net, "host_add") + f"?mac={MAC}"]


def test_the_fields_alone_follow_the_mac_that_is_typed(page, net):
    make_lease(net, MAC, "10.5.0.80", "calls-itself")
    fields = tree(page.get(at(net, "host_add") + f"?mac={MAC}", headers={"HX-Request": "true"}))
    assert fields.get("id") == "fields"
    assert fields.xpath("//input[@name='ip']/@value") == ["10.5.0.80"]
    assert fields.xpath("//input[@name='name']/@value") == ["calls-itself"]


@pytest.mark.parametrize("query", ["mac=nonsense&ip=nonsense", "mac=&ip=", f"name={HOSTILE}", "ip=fd00:5::6"])
def test_whatever_the_address_says_there_is_a_form(page, net, query):
    answer = page.get(f"{at(net, 'host_add')}?{query}")
    assert answer.status_code == 200
    assert HOSTILE not in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "host", "who"),
    [
        ({"mac": "5254.0000.0008", "ip": "10.5.0.8", "name": "eight"}, EIGHT, "eight"),
        ({"mac": MAC, "ip": "10.5.0.8", "lease": "12h"}, HostSpec(mac=MAC, ip="10.5.0.8", lease=43200), MAC),
        ({"mac": MAC, "ip": "10.5.0.8", "lease": "infinite"}, HostSpec(mac=MAC, ip="10.5.0.8", lease=0), MAC),
        ({"name": "ten", "ip": "10.5.0.10"}, NAMED, "ten"),
        ({"duid": DUID.upper(), "ip": "FD00:5:0::6"}, HostSpec(duid=DUID, ip="fd00:5::6"), DUID),
    ],
    ids=["any spelling", "lease time", "for ever", "by name", "IPv6"],
)
def test_an_address_is_reserved(post, net, pokes, typed, host, who):
    answer = post(at(net, "host_add"), typed)
    assert answer.url == at(net)
    assert reserved(net) == {host}
    assert pokes == pushed(net)
    assert said(answer) == f"{host.ip} is reserved for {who}."


@pytest.mark.parametrize(
    ("typed", "problems"),
    [
        ({"ip": EIGHT.ip}, {"ip": f"10.5.0.8 is reserved for {MAC} (eight) already."}),
        ({"name": "Eight"}, {"name": f"Eight is the name of {MAC} (10.5.0.8) already."}),
        (
            {"ip": EIGHT.ip, "name": "ten"},
            {
                "ip": f"10.5.0.8 is reserved for {MAC} (eight) already.",
                "name": "ten is the name of 10.5.0.10 already.",
            },
        ),
        ({"ip": NAMED.ip}, {"ip": "10.5.0.10 is reserved for ten already."}),
        ({"ip": "10.5.0.1"}, {"ip": "10.5.0.1 is the host’s own address in 10.5.0.0/24."}),
        ({"ip": "10.6.0.8"}, {"ip": "10.6.0.8 is in no block of this network: 10.5.0.0/24, fd00:5::/64."}),
        ({"ip": "10.5.0.300"}, {"ip": "10.5.0.300 is not an IP address."}),
        ({"ip": ""}, {"ip": "This field is required."}),
        ({"mac": "nonsense"}, {"mac": "This is no MAC; one looks like 52:54:00:b3:72:d7."}),
        ({"mac": "", "name": ""}, {"mac": "For which guest? Give its MAC; of an IPv6 guest its DUID."}),
        ({"ip": SIX.ip}, {"mac": "An IPv6 guest is known by its DUID or its name, not by its MAC."}),
        ({"duid": "00:04:77:88"}, {"duid": "Only an IPv6 guest is known by a DUID."}),
        (
            {"lease": "1m"},
            {"lease": "1m is no lease time: one looks like 12h, 30m or infinite; dnsmasq’s shortest is 2m."},
        ),
        (
            {"ip": SIX.ip, "mac": "", "duid": "00:04:77:88"},
            {"ip": f"fd00:5::6 is reserved for id:{DUID} (six) already."},
        ),
    ],
    ids=lambda value: " ".join(f"{key} {each}" for key, each in value.items()),
)
def test_what_speaks_against_an_entry_stands_at_its_field_and_names_the_other(post, net, pokes, typed, problems):
    found(net, EIGHT, SIX, NAMED)
    whole = {"mac": OTHER_MAC, "ip": "10.5.0.9", "name": "nine", **typed}
    answer = post(at(net, "host_add"), whole)
    assert answer.status_code == 422
    assert errors(answer) == problems
    assert filled(answer).items() >= whole.items()
    assert (reserved(net), pokes) == ({EIGHT, SIX, NAMED}, [])


def test_a_guest_that_has_an_entry_already_moves(post, net):
    found(net, EIGHT, SIX)
    post(at(net, "host_add"), {"mac": MAC, "ip": "10.5.0.18", "name": "eight"})
    assert reserved(net) == {HostSpec(mac=MAC, ip="10.5.0.18", name="eight"), SIX}


def test_an_address_that_another_guest_has_now_takes_a_tick(post, page, net, pokes):
    make_lease(net, OTHER_MAC, EIGHT.ip, "nine")
    assert "anyway" not in page.get(at(net, "host_add")).content.decode()
    answer = post(at(net, "host_add"), {"mac": MAC, "ip": EIGHT.ip, "name": "eight"})
    assert answer.status_code == 422
    assert errors(answer)["ip"].startswith(f"10.5.0.8 is leased to nine ({OTHER_MAC}). That guest keeps it until")
    assert (reserved(net), pokes) == (set(), [])
    assert tree(answer).xpath("//input[@name='anyway']/@type") == ["checkbox"]
    assert post(at(net, "host_add"), filled(answer) | {"anyway": "on"}).status_code == 302
    assert (reserved(net), pokes) == ({EIGHT}, pushed(net))


def test_the_tick_takes_nothing_that_is_reserved(post, net):
    found(net, EIGHT)
    answer = post(at(net, "host_add"), {"mac": OTHER_MAC, "ip": EIGHT.ip, "anyway": "on"})
    assert (answer.status_code, list(errors(answer))) == (422, ["ip"])


# One changed


def test_an_entry_is_changed(post, page, net, pokes):
    found(net, NINE, SIX)
    shown = filled(page.get(at(net, "host_edit", NINE.ip)))
    assert {"mac": OTHER_MAC, "ip": "10.5.0.9", "name": "nine", "lease": "12h", "duid": ""}.items() <= shown.items()
    answer = post(at(net, "host_edit", NINE.ip), shown | {"ip": "10.5.0.19", "lease": ""})
    assert answer.url == at(net)
    assert reserved(net) == {HostSpec(mac=OTHER_MAC, ip="10.5.0.19", name="nine"), SIX}
    assert pokes == pushed(net)
    shown = filled(page.get(at(net, "host_edit", SIX.ip)))
    post(at(net, "host_edit", SIX.ip), shown | {"name": "sechs"})
    assert HostSpec(duid=DUID, ip=SIX.ip, name="sechs") in reserved(net)


def test_a_change_that_is_refused_is_said_at_its_field(post, page, net, pokes):
    found(net, EIGHT, NINE)
    typed = filled(page.get(at(net, "host_edit", NINE.ip))) | {"ip": EIGHT.ip}
    answer = post(at(net, "host_edit", NINE.ip), typed)
    assert (answer.status_code, errors(answer)) == (422, {"ip": f"10.5.0.8 is reserved for {MAC} (eight) already."})
    assert filled(answer).items() >= typed.items()
    assert (reserved(net), pokes) == ({EIGHT, NINE}, [])


def test_an_entry_saved_as_it_was_is_no_change(post, page, net):
    found(net, EIGHT)
    before = again(net).generation
    assert post(at(net, "host_edit", EIGHT.ip), filled(page.get(at(net, "host_edit", EIGHT.ip)))).url == at(net)
    assert (again(net).generation, net.hosts.count()) == (before, 0)


def test_an_entry_that_is_gone_is_not_offered_to_be_changed(page, net):
    answer = page.get(at(net, "host_edit", EIGHT.ip))
    assert answer.url == at(net)
    assert said(answer) == "10.5.0.8 is no longer reserved: somebody has removed the entry."


def test_an_entry_that_went_while_it_was_being_changed_is_not_made_again(post, page, net, pokes):
    found(net, EIGHT)
    typed = filled(page.get(at(net, "host_edit", EIGHT.ip))) | {"name": "acht", "lease": "3h"}
    remove(again(net), [EIGHT.ip], None)
    answer = post(at(net, "host_edit", EIGHT.ip), typed)
    assert answer.status_code == 409
    assert "Somebody has removed this reservation meanwhile. Nothing was changed" in text(tree(answer))
    assert (reserved(net), pokes) == (set(), [])
    assert {"mac": MAC, "ip": EIGHT.ip, "name": "acht", "lease": "3h"}.items() <= filled(answer).items()
    (action,) = tree(answer).xpath("//main//form[@method='post']/@action")
    post(action, filled(answer))
    assert reserved(net) == {HostSpec(mac=MAC, ip=EIGHT.ip, name="acht", lease=10800)}


def test_an_entry_that_another_got_while_it_was_being_changed_stays_the_others(post, page, net, pokes):
    found(net, EIGHT)
    typed = filled(page.get(at(net, "host_edit", EIGHT.ip))) | {"name": "acht"}
    heir = HostSpec(mac=OTHER_MAC, ip=EIGHT.ip, name="heir")
    reserve(again(net), [heir], None, was=EIGHT.ip)
    answer = post(at(net, "host_edit", EIGHT.ip), typed)
    assert answer.status_code == 409
    assert (reserved(net), pokes) == ({heir}, [])
    assert filled(answer)["name"] == "acht"


# Some removed


def chosen(*hosts: HostSpec) -> list[str]:
    """What the buttons of these entries send."""
    return [f"{host.ip} {host.guest}" for host in hosts]


def test_what_another_guest_has_by_now_is_not_removed(page, post, net, pokes):
    found(net, EIGHT)
    (value,) = html.fromstring(page.get(at(net)).content).xpath("//button[@name='ip']/@value")
    assert [value] == chosen(EIGHT)
    DHCPHostStatus.objects.all().delete()
    found(net, replace(EIGHT, mac=OTHER_MAC))
    assert "somebody else has changed this" in said(post(at(net, "host_remove"), {"ip": value}))
    assert (reserved(net), pokes) == ({replace(EIGHT, mac=OTHER_MAC)}, [])


def test_entries_are_removed(post, net, pokes):
    found(net, EIGHT, NINE, SIX)
    answer = post(at(net, "host_remove"), {"ip": chosen(EIGHT)})
    assert (answer.url, said(answer)) == (at(net), "10.5.0.8 is no longer reserved.")
    assert (reserved(net), pokes) == ({NINE, SIX}, pushed(net))
    answer = post(at(net, "host_remove"), {"ip": chosen(EIGHT, NINE, SIX)})
    assert said(answer).endswith("2 addresses are no longer reserved.")
    assert (reserved(net), pokes) == (set(), pushed(net))


def test_what_is_gone_already_is_said_and_fine(post, net, pokes):
    answer = post(at(net, "host_remove"), {"ip": chosen(EIGHT, NINE)})
    assert answer.url == at(net)
    assert said(answer).startswith("10.5.0.8, 10.5.0.9: nothing was removed, for somebody else has changed this")
    assert pokes == []
    assert "nonsense: nothing was removed" in said(post(at(net, "host_remove"), {"ip": ["nonsense"]}))
    assert post(at(net, "host_remove")).url == at(net)
    assert pokes == []


# Many pasted


def paste(post: Post, network: Network, pasted: str, **more: str) -> HttpResponse:
    return post(at(network, "host_paste"), {"text": pasted, **more})


def token(answer: HttpResponse) -> str:
    return tree(answer).xpath("string(//input[@name='token']/@value)")


MIXED = f"""mac,ip,name
{MAC},10.5.0.8,eight
# a comment

{OTHER_MAC},10.5.0.19,nine
52:54:00:00:00:0b,10.5.0.11,eleven
nonsense
52:54:00:00:00:0c,10.6.0.12
"""


def test_what_a_paste_does_is_shown_line_by_line_before_it_is_done(post, net, pokes):
    found(net, EIGHT, NINE)
    answer = paste(post, net, MIXED)
    assert answer.status_code == 200
    assert table(answer, "right") == [
        ["2", "10.5.0.8", MAC, "eight", "there already"],
        ["5", "10.5.0.19", OTHER_MAC, "nine", f"changed was {NINE}"],
        ["6", "10.5.0.11", "52:54:00:00:00:0b", "eleven", "new"],
    ]
    assert [row[:2] for row in table(answer, "wrong")] == [["7", "nonsense"], ["8", "52:54:00:00:00:0c,10.6.0.12"]]
    assert table(answer, "wrong")[1][2] == "10.6.0.12 is in no block of this network: 10.5.0.0/24, fd00:5::/64."
    assert "1 new, 1 changed, 1 there already, 2 wrong." in text(tree(answer))
    assert "Reserve the 2 right ones" in text(tree(answer))
    assert filled(answer)["text"].splitlines() == MIXED.splitlines()
    assert (reserved(net), pokes) == ({EIGHT, NINE}, [])


def test_of_a_paste_that_is_half_wrong_the_right_lines_are_written(post, net, pokes):
    found(net, EIGHT, NINE)
    answer = paste(post, net, MIXED, token=token(paste(post, net, MIXED)))
    assert answer.url == at(net)
    assert said(answer) == "2 DHCP reservations are being written."
    moved = HostSpec(mac=OTHER_MAC, ip="10.5.0.19", name="nine")
    assert reserved(net) == {EIGHT, moved, HostSpec(mac="52:54:00:00:00:0b", ip="10.5.0.11", name="eleven")}
    assert pokes == pushed(net)


def test_a_paste_is_shown_again_when_somebody_changed_the_network_meanwhile(post, net, pokes):
    line = f"{MAC} 10.5.0.8 eight"
    shown = token(paste(post, net, line))
    reserve(again(net), [HostSpec(mac=MAC, ip="10.5.0.80")], None)
    answer = paste(post, net, line, token=shown)
    assert answer.status_code == 409
    assert "has changed since the preview" in text(tree(answer))
    assert table(answer, "right")[0][-1] == f"changed was {MAC} 10.5.0.80"
    assert (reserved(net), pokes) == ({HostSpec(mac=MAC, ip="10.5.0.80")}, [])
    assert paste(post, net, line, token=token(answer)).status_code == 302
    assert reserved(net) == {EIGHT}


def test_a_line_that_became_wrong_meanwhile_is_not_written(post, net, pokes):
    shown = token(paste(post, net, f"{MAC} 10.5.0.8 eight"))
    reserve(again(net), [HostSpec(mac=OTHER_MAC, ip="10.5.0.8")], None)
    answer = paste(post, net, f"{MAC} 10.5.0.8 eight", token=shown)
    assert (answer.status_code, token(answer), pokes) == (409, "", [])
    assert table(answer, "wrong")[0][2] == f"10.5.0.8 is reserved for {OTHER_MAC} already."


@pytest.mark.parametrize("typed", [f"{MAC} 10.5.0.18 eight", f"{MAC} 10.5.0.8 acht", f"{OTHER_MAC} 10.5.0.8 eight"])
def test_a_text_that_was_changed_since_is_shown_first(post, net, pokes, typed):
    shown = token(paste(post, net, f"{MAC} 10.5.0.8 eight"))
    answer = paste(post, net, typed, token=shown)
    assert answer.status_code == 409
    assert (reserved(net), pokes) == (set(), [])


def test_looking_once_more_writes_nothing(post, net, pokes):
    line = f"{MAC} 10.5.0.8 eight"
    shown = filled(paste(post, net, line))
    answer = post(at(net, "host_paste"), shown | {"look": "1"})
    assert (answer.status_code, reserved(net), pokes) == (200, set(), [])
    answer = post(at(net, "host_paste"), shown | {"look": "1", "text": f"{line}-changed"})
    assert (answer.status_code, reserved(net), pokes) == (200, set(), [])
    assert "has changed since the preview" not in text(tree(answer))


@pytest.mark.parametrize("made_up", ["", "0" * 16])
def test_a_token_that_was_made_up_writes_nothing(post, net, pokes, made_up):
    assert paste(post, net, f"{MAC} 10.5.0.8 eight", token=made_up).status_code == 409
    assert (reserved(net), pokes) == (set(), [])


@pytest.mark.parametrize("pasted", [f"{MAC} 10.5.0.8 eight", "nonsense", "# only a comment", "  \r\n\t\n"])
def test_a_paste_with_nothing_to_be_done_has_no_button(post, net, pasted):
    found(net, EIGHT)
    answer = paste(post, net, pasted)
    assert answer.status_code == 200
    assert token(answer) == ""
    assert [text(button) for button in tree(answer).xpath("//main//button")] == ["Preview"]
    assert paste(post, net, pasted, token="").status_code == 409


@pytest.mark.parametrize("pasted", ["", "x" * (LONGEST_PASTE + 1)], ids=["empty", "too long"])
def test_a_paste_that_is_empty_or_too_long_is_refused(post, net, pokes, pasted):
    answer = paste(post, net, pasted)
    assert answer.status_code == 422
    assert tree(answer).xpath("//div[@class='error']")
    assert pokes == []


def test_a_page_to_paste_on_asks_nothing_yet(page, net):
    answer = page.get(at(net, "host_paste"))
    assert [text(button) for button in tree(answer).xpath("//main//button")] == ["Preview"]


def test_what_is_pasted_is_no_markup(post, net):
    answer = paste(post, net, f"{HOSTILE}\n</textarea>{HOSTILE}\n{MAC} 10.5.0.8 {HOSTILE}")
    assert HOSTILE not in answer.content.decode()
    assert table(answer, "wrong")[0][1] == HOSTILE
    assert filled(answer)["text"].split()[1] == f"</textarea>{HOSTILE}"


def test_ten_thousand_lines_are_answered_soon(post, lab, pokes):
    wide = make_foreign_network(lab, WIDE)
    numbers = [(number // 250 + 1, number % 250 + 1) for number in range(10_000)]
    pasted = "\n".join(f"52:54:00:01:{a:02x}:{b:02x} 10.6.{a}.{b} vm-{a}-{b}" for a, b in numbers)
    began = time.process_time()
    answer = paste(post, wide, pasted)
    assert time.process_time() - began < 3
    assert "10000 new, 0 changed, 0 there already, 0 wrong." in " ".join(answer.content.decode().split())
    assert pokes == []


# By ID


def test_entries_are_added_and_removed_by_virters_ids(post, net, pokes):
    assert post(at(net, "host_ids"), {"id": "8", "count": "2"}).url == at(net)
    two = {HostSpec(mac=MAC, ip="10.5.0.8"), HostSpec(mac=OTHER_MAC, ip="10.5.0.9")}
    assert (reserved(net), pokes) == (two, pushed(net))
    post(at(net, "host_ids"), {"id": "9", "count": "5", "remove": "1"})
    assert (reserved(net), pokes) == ({HostSpec(mac=MAC, ip="10.5.0.8")}, pushed(net))
    post(at(net, "host_ids"), {"id": "9", "count": "1"})
    assert (reserved(net), pokes) == (two, pushed(net))


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"id": "7", "count": "2"}, f"ID 8 has the DHCP reservation already: {MAC}."),
        ({"id": "10", "count": "1"}, "ID 10: 10.5.0.10 is taken already."),
        ({"id": "1", "count": "1"}, "ID 1: 10.5.0.1 is taken already."),
        ({"id": "255", "count": "1"}, "ID 255 has no address in 10.5.0.0/24."),
        ({"id": "16777216", "count": "1"}, "First ID: Ensure this value is less than or equal to 16777215."),
        ({"id": "-1", "count": "1"}, "First ID: Ensure this value is greater than or equal to 1."),
        ({"id": "11", "count": "0"}, "Count: Ensure this value is greater than or equal to 1."),
        ({"id": "11", "count": "65537"}, "Count: Ensure this value is less than or equal to 65536."),
        ({"id": "11", "count": "1000"}, "ID 255 has no address in 10.5.0.0/24."),
        ({}, "First ID: This field is required."),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else None,
)
def test_ids_that_cannot_be_had_are_refused_before_any(post, net, pokes, typed, problem):
    found(net, EIGHT, NAMED)
    answer = post(at(net, "host_ids"), typed)
    assert (answer.url, said(answer)) == (at(net), problem)
    assert (reserved(net), pokes) == ({EIGHT, NAMED}, [])


def test_a_network_without_ipv4_has_no_ids(post, lab, pokes):
    network = make_foreign_network(lab, SIX_ONLY)
    answer = post(at(network, "host_ids"), {"id": "8", "count": "1"})
    assert (said(answer), pokes) == ("six has no IPv4 block for DHCP reservations.", [])


# Of leases


def test_a_lease_is_reserved_by_one_click(post, lab, net, pokes):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    lease = make_lease(net, MAC, "10.5.0.80", "localhost")
    answer = post(at(net, "lease_reserve", lease.pk))
    assert answer.url == net.get_absolute_url()
    assert said(answer) == "10.5.0.80 is reserved for vm-8 from now on."
    assert (reserved(net), pokes) == ({HostSpec(mac=MAC, ip="10.5.0.80", name="vm-8")}, pushed(net))


def test_an_ipv6_lease_is_reserved_by_its_client_id(post, net, pokes):
    lease = make_lease(net, MAC, "fd00:5::80", client_id=DUID)
    assert said(post(at(net, "lease_reserve", lease.pk))) == f"fd00:5::80 is reserved for {MAC} from now on."
    assert (reserved(net), pokes) == ({HostSpec(duid=DUID, ip="fd00:5::80")}, pushed(net))


def test_a_lease_that_nothing_tells_the_guest_of_is_reserved_for_nobody(post, page, net, pokes):
    lease = make_lease(net, MAC, "fd00:5::80")
    answer = post(at(net, "lease_reserve", lease.pk))
    assert (reserved(net), pokes) == (set(), [])
    assert errors(page.get(answer.url)) == {"mac": "For which guest? Give its MAC; of an IPv6 guest its DUID."}


def test_a_lease_that_has_ended_meanwhile_is_reserved_all_the_same(post, net, pokes):
    lease = make_lease(net, MAC, "10.5.0.80", last_seen=timezone.now())
    post(at(net, "lease_reserve", lease.pk))
    assert (reserved(net), pokes) == ({HostSpec(mac=MAC, ip="10.5.0.80")}, pushed(net))


def test_a_lease_that_passed_to_another_guest_meanwhile_is_asked_about(post, page, net, pokes):
    lease = make_lease(net, MAC, "10.5.0.80", last_seen=timezone.now())
    make_lease(net, OTHER_MAC, "10.5.0.80", "nine")
    answer = post(at(net, "lease_reserve", lease.pk))
    assert (reserved(net), pokes) == (set(), [])
    shown = page.get(answer.url)
    assert errors(shown)["ip"].startswith(f"10.5.0.80 is leased to nine ({OTHER_MAC}).")
    post(at(net, "host_add"), filled(shown) | {"anyway": "on"})
    assert reserved(net) == {HostSpec(mac=MAC, ip="10.5.0.80")}


def test_a_lease_in_conflict_leads_to_the_filled_form_that_says_why(post, page, net, pokes):
    found(net, HostSpec(mac=OTHER_MAC, ip="10.5.0.80", name="nine"))
    lease = make_lease(net, MAC, "10.5.0.80", "eight")
    answer = post(at(net, "lease_reserve", lease.pk))
    assert pokes == []
    shown = page.get(answer.url)
    assert shown.status_code == 200
    assert {"mac": MAC, "ip": "10.5.0.80", "name": "eight"}.items() <= filled(shown).items()
    answer = post(at(net, "host_add"), filled(shown))
    assert errors(answer) == errors(shown) == {"ip": f"10.5.0.80 is reserved for {OTHER_MAC} (nine) already."}


def test_a_lease_of_another_network_is_not_reserved_here(post, lab, net, pokes):
    other = make_foreign_network(lab, WIDE)
    lease = make_lease(other, MAC, "10.6.0.8")
    assert post(at(net, "lease_reserve", lease.pk)).status_code == 404
    assert said(post(at(net, "lease_release", lease.pk))) == "The lease has ended already."
    assert (reserved(net), reserved(other), pokes) == (set(), set(), [])


def test_a_lease_is_asked_to_be_released_once(post, page, net, pokes):
    lease = make_lease(net, MAC, "10.5.0.80")
    assert "Release" in table(page.get(at(net, "leases")), "leases-table")[0][-1]
    answer = post(at(net, "lease_release", lease.pk))
    assert (answer.url, said(answer)) == (net.get_absolute_url(), "The lease is being released.")
    assert pokes == [("networks.tasks.release_leases", net.pk)]
    assert Lease.objects.get().release_asked_at
    assert table(page.get(at(net, "leases")), "leases-table")[0][-1] == "Reserve being released"


def test_why_a_lease_was_not_released_is_said_until_it_is_asked_for_again(post, page, net):
    asked = {"release_asked_at": timezone.now(), "release_problem": Message.external("Run it as root")}
    lease = make_lease(net, MAC, "10.5.0.80", **asked)
    assert table(page.get(at(net, "leases")), "leases-table")[0][-1] == "Reserve Run it as root"
    post(at(net, "lease_release", lease.pk))
    assert str(Lease.objects.get().release_problem) == ""


def test_a_lease_that_a_running_vm_has_is_not_offered_to_be_released(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    make_lease(net, MAC, "10.5.0.80")
    assert table(page.get(at(net, "leases")), "leases-table")[0][-1] == "Reserve"


def test_a_lease_that_has_ended_is_not_asked_to_be_released(post, net, pokes):
    lease = make_lease(net, MAC, "10.5.0.80", last_seen=timezone.now())
    assert said(post(at(net, "lease_release", lease.pk))) == "The lease has ended already."
    assert pokes == []
    assert Lease.objects.get().release_asked_at is None


# For other programs


def test_the_entries_are_a_table_for_other_programs(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    found(net, EIGHT, SIX)
    reserve(again(net), [NINE], None)
    answer = page.get(at(net, "hosts_table", "csv"))
    assert answer["Content-Type"].startswith("text/csv")
    assert 'filename="net1-hosts.csv"' in answer["Content-Disposition"]
    assert answer.content.decode().splitlines() == [
        "mac,duid,ip,name,lease,state,vm",
        f"{MAC},,10.5.0.8,eight,,reserved,vm-8",
        f"{OTHER_MAC},,10.5.0.9,nine,12h,being added,",
        f",{DUID},fd00:5::6,six,,reserved,",
    ]
    rows = json.loads(page.get(at(net, "hosts_table", "json")).content)
    assert rows[1] == {
        **{"mac": OTHER_MAC, "duid": "", "ip": "10.5.0.9", "name": "nine"},
        **{"lease": "12h", "state": "being added", "vm": ""},
    }


def test_what_was_exported_is_pasted_back_without_a_change(post, page, net):
    found(
        *(net, EIGHT, NINE, SIX, NAMED),
        HostSpec(mac="52:54:00:00:00:0b", ip="10.5.0.11", lease=0),
        HostSpec(mac="52:54:00:00:00:0c", ip="10.5.0.12", name="525400000099", lease=150),
        HostSpec(mac="52:54:00:00:00:0d", ip="10.5.0.13", name="with.a.domain", lease=172800),
        HostSpec(ip="fd00:5::7", name="seven"),
    )
    reserve(again(net), [HostSpec(mac="52:54:00:00:00:0e", ip="10.5.0.14")], None)
    exported = page.get(at(net, "hosts_table", "csv")).content.decode()
    answer = paste(post, net, exported)
    assert table(answer, "wrong") == []
    assert {row[-1] for row in table(answer, "right")} == {"there already"}
    assert len(table(answer, "right")) == 9


# Who may, and when


CHANGES = [
    ("host_add", {"mac": MAC, "ip": EIGHT.ip}),
    ("host_remove", {"ip": f"{NINE.ip} {NINE.guest}"}),
    ("host_paste", {"text": f"{MAC} 10.5.0.8"}),
    ("host_ids", {"id": "8", "count": "1"}),
    ("host_edit", {"mac": OTHER_MAC, "ip": "10.5.0.19"}),
    ("lease_reserve", {}),
    ("lease_release", {}),
]


def path_of(network: Network, name: str) -> str:
    lease = network.leases.first() or make_lease(network, MAC, EIGHT.ip)
    return at(network, name, *({"host_edit": [NINE.ip]}.get(name) or [lease.pk] * name.startswith("lease_")))


@pytest.mark.parametrize(("name", "typed"), CHANGES)
def test_a_network_that_is_being_removed_is_not_changed(post, net, pokes, name, typed):
    found(net, NINE)
    path = path_of(net, name)
    net.remove()
    assert post(path, typed).status_code == 404
    assert (reserved(net), pokes) == ({NINE}, [])


def test_a_network_that_is_being_removed_is_still_shown(page, net):
    found(net, NINE)
    net.remove()
    shown = page.get(at(net))
    assert table(shown, "hosts-table")[0][-1] == ""
    assert page.get(at(net, "addresses")).status_code == 200


def test_nobody_sees_or_changes_anything_without_a_login(client, net, pokes):
    found(net, NINE)
    for name, typed in CHANGES:
        assert client.post(path_of(net, name), typed).url.startswith("/login/")
    for name in ("hosts", "host_add", "host_paste", "host_edit", "addresses", "leases"):
        assert client.get(path_of(net, name)).url.startswith("/login/")
    for suffix in ("csv", "json"):
        assert client.get(at(net, "hosts_table", suffix)).url.startswith("/login/")
    assert (reserved(net), pokes) == ({NINE}, [])


def test_looking_changes_nothing(page, net):
    for name in ("host_remove", "host_ids", "lease_reserve", "lease_release"):
        assert page.get(path_of(net, name)).status_code == 405


def test_the_history_of_a_network_of_ours_says_who_it_was(post, lab, user):
    network = make_network(lab, "net1", "10.5.0.1/24")
    post(at(network, "host_add"), {"mac": MAC, "ip": EIGHT.ip, "name": "eight"})
    post(at(network, "host_edit", EIGHT.ip), {"mac": MAC, "ip": "10.5.0.18", "name": "eight"})
    post(at(network, "host_remove"), {"ip": f"10.5.0.18 {MAC}"})
    assert [(revision.what, revision.by) for revision in network.revisions.all()] == [
        ("DHCP reservations of 10.5.0.18 removed", user),
        ("DHCP reservation of 10.5.0.8 changed", user),
        ("10.5.0.8 reserved for eight", user),
    ]


# The map


SMALL = """<network><name>small</name><uuid>{uuid}</uuid><bridge name='virbr8'/>
<ip address='10.8.0.1' prefix='28'><dhcp><range start='10.8.0.2' end='10.8.0.9'/></dhcp></ip></network>"""


def test_the_map_says_of_each_address_who_has_it(page, lab):
    network = make_foreign_network(lab, SMALL)
    vm = make_vm(lab, "vm-8")
    make_running(vm, ("small", MAC, "vnet8"), ("small", "52:54:00:80:00:01", "vnet9"))
    vm.status.addresses.create(mac="52:54:00:80:00:01", ip="10.8.0.12", source="agent")
    make_lease(network, MAC, "10.8.0.2")
    make_lease(network, OTHER_MAC, "10.8.0.3", "calls-itself")
    found(network, HostSpec(mac=MAC, ip="10.8.0.2"), HostSpec(ip="10.8.0.4", name="four"))
    reserve(again(network), [HostSpec(mac="52:54:00:00:00:05", ip="10.8.0.13")], None)
    shown = tree(page.get(at(network, "addresses")))
    assert shown.xpath("//div[contains(@class, 'map')]/a/@title") == [
        "10.8.0.0: not for guests",
        "10.8.0.1: the host",
        f"10.8.0.2: leased to vm-8 ({MAC}), reserved",
        f"10.8.0.3: leased to calls-itself ({OTHER_MAC})",
        "10.8.0.4: reserved for four",
        *(f"10.8.0.{number}: free, in the DHCP range" for number in range(5, 10)),
        *(f"10.8.0.{number}: free" for number in (10, 11)),
        "10.8.0.12: in use without a lease by vm-8 (52:54:00:80:00:01)",
        "10.8.0.13: reserved for 52:54:00:00:00:05",
        "10.8.0.14: free",
        "10.8.0.15: not for guests",
    ]
    links = shown.xpath("//div[contains(@class, 'map')]/a")
    assert [links[number].get("href") for number in (0, 1)] == [None, None]
    assert links[2].get("href") == reverse("portal:search") + "?q=10.8.0.2"
    assert links[14].get("href") == at(network, "host_add") + "?ip=10.8.0.14"
    assert "5 of 13 used" in text(shown)


def test_the_map_leads_to_the_next_free_address(page, net):
    make_lease(net, MAC, "10.5.0.2")
    shown = tree(page.get(at(net, "addresses")))
    assert [link.get("href") for link in shown.xpath("//a[@title='Reserve it']")] == [
        at(net, "host_add") + "?ip=10.5.0.3"
    ]
    assert len(shown.xpath("//div[contains(@class, 'map')]/a")) == 256


def test_a_block_that_is_full_says_so(page, lab):
    network = make_foreign_network(lab, SMALL.replace("prefix='28'", "prefix='30'").replace("10.8.0.9", "10.8.0.2"))
    make_lease(network, MAC, "10.8.0.2")
    assert "1 of 1 used · none is free" in text(tree(page.get(at(network, "addresses"))))


def test_a_large_block_is_drawn_in_groups_that_can_be_opened(page, lab):
    network = make_foreign_network(lab, WIDE)
    make_lease(network, MAC, "10.6.3.7", "seven")
    whole = tree(page.get(at(network, "addresses")))
    cells = whole.xpath("//div[contains(@class, 'map grouped')]/a")
    assert len(cells) == 256
    assert cells[3].get("title") == "10.6.3.0/24: 1 leased, 255 free"
    assert cells[3].get("href") == at(network, "addresses") + "?block=10.6.3.0/24"
    part = tree(page.get(cells[3].get("href")))
    titles = part.xpath("//div[contains(@class, 'map')]/a/@title")
    assert (len(titles), titles[0]) == (256, "10.6.3.0: free, in the DHCP range")
    assert titles[7] == f"10.6.3.7: leased to seven ({MAC})"
    assert part.xpath("//a[text()='The whole block']/@href") == [at(network, "addresses")]


@pytest.mark.parametrize(
    "block",
    ["nonsense", "10.9.0.0/24", "10.5.0.0/16", "10.5.0.5/24", "10.5.0.0/33", "fd00:5::/64"],
)
def test_a_part_that_is_none_is_answered_with_the_whole_and_a_message(page, net, block):
    answer = page.get(at(net, "addresses"), {"block": block})
    assert answer.url == at(net, "addresses")
    assert said(answer).startswith("There is no such part to be drawn: ")


def test_a_part_that_was_asked_for_is_no_markup(page, net):
    assert HOSTILE not in page.get(at(net, "addresses"), {"block": HOSTILE}, follow=True).content.decode()


def test_a_network_with_two_blocks_has_two_maps(page, lab):
    more = "<ip address='10.9.0.1' prefix='28'/></network>"
    network = make_foreign_network(lab, NETWORK.replace("</network>", more))
    shown = tree(page.get(at(network, "addresses")))
    assert shown.xpath("//header//h2/span/text()") == ["10.5.0.0/24", "10.9.0.0/28"]


def test_a_network_without_ipv4_has_no_map_and_its_pages_do_without(page, post, lab, pokes):
    network = make_foreign_network(lab, SIX_ONLY)
    assert "six has no IPv4 block." in text(tree(page.get(at(network, "addresses"))))
    assert filled(page.get(at(network, "host_add")))["ip"] == ""
    post(at(network, "host_add"), {"duid": DUID, "ip": "fd00:7::8"})
    assert (reserved(network), pokes) == ({HostSpec(duid=DUID, ip="fd00:7::8")}, pushed(network))
    assert table(page.get(at(network)), "hosts-table")[0][:2] == ["fd00:7::8", DUID]


def test_the_map_alone_is_given_to_htmx(page, net):
    alone = tree(page.get(at(net, "addresses"), headers={"HX-Request": "true"}))
    assert alone.get("id") == "addresses"


def test_a_pasted_address_that_another_guest_has_now_is_said_and_can_be_reserved(page, post, net):
    make_lease(net, OTHER_MAC, "10.5.0.9", "somebody")
    answer = paste(post, net, f"{MAC} 10.5.0.9 eight\n{OTHER_MAC} 10.5.0.10")
    right = [" ".join(row) for row in table(answer, "right")]
    assert "leased to somebody now" in right[0]
    assert "leased" not in right[1]
