"""The page that adds a DHCP reservation."""

import pytest

from networks.definition.spec import HostSpec
from tests.networks.reservations.pages.reservation_pages import (
    DUID,
    EIGHT,
    HOSTILE,
    MAC,
    NAMED,
    NINE,
    OTHER_MAC,
    SIX,
    at,
    errors,
    filled,
    found,
    pushed,
    reserved,
    said,
    tree,
)
from tests.support.making import make_lease, make_running, make_vm


def test_the_form_proposes_missing_values(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    assert filled(page.get(at(net, "host_add")))["ip"] == "10.5.0.2"
    shown = page.get(at(net, "host_add") + "?mac=52-54-00-00-00-08")
    assert {"ip": "10.5.0.2", "name": "vm-8", "lease": ""}.items() <= filled(shown).items()
    make_lease(net, MAC, "10.5.0.80")
    shown = filled(page.get(at(net, "host_add") + f"?mac={MAC}"))
    assert (shown["mac"], shown["ip"], shown["name"]) == (MAC, "10.5.0.80", "vm-8")
    assert filled(page.get(at(net, "host_add") + "?ip=10.5.0.50"))["ip"] == "10.5.0.50"


def test_the_form_offers_the_nics_without_a_reservation(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    make_running(make_vm(lab, "vm-9", 9), ("net1", OTHER_MAC, "vnet9"))
    found(net, NINE)
    shown = tree(page.get(at(net, "host_add")))
    assert shown.xpath("//datalist/option/@value") == [MAC]
    assert shown.xpath("//aside//li/a/@href") == [at(net, "host_add") + f"?mac={MAC}"]


def test_only_the_fields_are_updated_for_a_typed_mac(page, net):
    make_lease(net, MAC, "10.5.0.80", "calls-itself")
    fields = tree(page.get(at(net, "host_add") + f"?mac={MAC}", headers={"HX-Request": "true"}))
    assert fields.get("id") == "fields"
    assert fields.xpath("//input[@name='ip']/@value") == ["10.5.0.80"]
    assert fields.xpath("//input[@name='name']/@value") == ["calls-itself"]


@pytest.mark.parametrize("query", ["mac=nonsense&ip=nonsense", "mac=&ip=", f"name={HOSTILE}", "ip=fd00:5::6"])
def test_invalid_query_parameters_show_the_form(page, net, query):
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
def test_an_address_is_reserved(post, net, enqueued, typed, host, who):
    answer = post(at(net, "host_add"), typed)
    assert answer.url == at(net)
    assert reserved(net) == {host}
    assert enqueued == pushed(net)
    assert said(answer) == f"{host.ip} is reserved for {who}."


@pytest.mark.parametrize(
    ("typed", "problems"),
    [
        ({"ip": EIGHT.ip}, {"ip": f"10.5.0.8 is already reserved for {MAC} (eight)."}),
        ({"name": "Eight"}, {"name": f"Eight is already the name of {MAC} (10.5.0.8)."}),
        (
            {"ip": EIGHT.ip, "name": "ten"},
            {
                "ip": f"10.5.0.8 is already reserved for {MAC} (eight).",
                "name": "ten is already the name of 10.5.0.10.",
            },
        ),
        ({"ip": NAMED.ip}, {"ip": "10.5.0.10 is already reserved for ten."}),
        ({"ip": "10.5.0.1"}, {"ip": "10.5.0.1 is the address of the host in 10.5.0.0/24."}),
        ({"ip": "10.6.0.8"}, {"ip": "10.6.0.8 is outside all blocks of this network: 10.5.0.0/24, fd00:5::/64."}),
        ({"ip": "10.5.0.300"}, {"ip": "10.5.0.300 is not an IP address."}),
        ({"ip": ""}, {"ip": "This field is required."}),
        ({"mac": "nonsense"}, {"mac": "This is not a MAC address, for example 52:54:00:b3:72:d7."}),
        ({"mac": "", "name": ""}, {"mac": "Enter the MAC of the guest, or the DUID of an IPv6 guest."}),
        ({"ip": SIX.ip}, {"mac": "An IPv6 guest is identified by its DUID or name, not by its MAC."}),
        ({"duid": "00:04:77:88"}, {"duid": "Only an IPv6 guest is identified by a DUID."}),
        (
            {"lease": "1m"},
            {"lease": "1m is not a lease time, for example 12h, 30m or infinite. The shortest lease time is 2m."},
        ),
        (
            {"ip": SIX.ip, "mac": "", "duid": "00:04:77:88"},
            {"ip": f"fd00:5::6 is already reserved for id:{DUID} (six)."},
        ),
    ],
    ids=lambda value: " ".join(f"{key} {each}" for key, each in value.items()),
)
def test_a_conflict_is_shown_at_its_field_and_names_the_other_entry(post, net, enqueued, typed, problems):
    found(net, EIGHT, SIX, NAMED)
    whole = {"mac": OTHER_MAC, "ip": "10.5.0.9", "name": "nine", **typed}
    answer = post(at(net, "host_add"), whole)
    assert answer.status_code == 422
    assert errors(answer) == problems
    assert filled(answer).items() >= whole.items()
    assert (reserved(net), enqueued) == ({EIGHT, SIX, NAMED}, [])


def test_a_guest_with_a_reservation_gets_the_new_address(post, net):
    found(net, EIGHT, SIX)
    post(at(net, "host_add"), {"mac": MAC, "ip": "10.5.0.18", "name": "eight"})
    assert reserved(net) == {HostSpec(mac=MAC, ip="10.5.0.18", name="eight"), SIX}


def test_an_address_that_another_guest_has_now_needs_a_confirmation(post, page, net, enqueued):
    make_lease(net, OTHER_MAC, EIGHT.ip, "nine")
    assert "anyway" not in page.get(at(net, "host_add")).content.decode()
    answer = post(at(net, "host_add"), {"mac": MAC, "ip": EIGHT.ip, "name": "eight"})
    assert answer.status_code == 422
    assert errors(answer)["ip"].startswith(f"10.5.0.8 is leased to nine ({OTHER_MAC}). That guest keeps it until")
    assert (reserved(net), enqueued) == (set(), [])
    assert tree(answer).xpath("//input[@name='anyway']/@type") == ["checkbox"]
    assert post(at(net, "host_add"), filled(answer) | {"anyway": "on"}).status_code == 302
    assert (reserved(net), enqueued) == ({EIGHT}, pushed(net))


def test_confirming_does_not_replace_an_existing_reservation(post, net):
    found(net, EIGHT)
    answer = post(at(net, "host_add"), {"mac": OTHER_MAC, "ip": EIGHT.ip, "anyway": "on"})
    assert (answer.status_code, list(errors(answer))) == (422, ["ip"])
