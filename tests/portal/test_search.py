"""Who is 10.255.0.207? One box answers for addresses, MACs, names, VMs and networks, as they are and as they were."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from networks.definition.spec import HostSpec
from networks.models import DHCPHost, DHCPHostStatus, Network
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from vms.models import VM, NICAddress, NICStatus, Power, VMStatus

MAC, OTHER, NOBODY = "52:54:00:00:00:08", "52:54:00:ab:cd:ef", "02:00:00:cc:00:01"
NET1 = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr1'/>
<ip address='10.255.0.1' prefix='24'><dhcp><range start='10.255.0.2' end='10.255.0.254'/></dhcp></ip>
<ip family='ipv6' address='fd00:1::1' prefix='64'/></network>"""


@pytest.fixture
def lab(db, pokes):
    return make_hypervisor()


@pytest.fixture
def default(lab) -> Network:
    return make_foreign_network(lab)


@pytest.fixture
def net1(lab) -> Network:
    return make_foreign_network(lab, NET1)


@pytest.fixture
def vm(lab, default, net1) -> VM:
    """A VM that runs with a NIC on default and one on net1."""
    vm = make_vm(lab)
    make_running(vm, ("default", MAC, "vnet1"), ("net1", OTHER, "vnet2"))
    return vm


@pytest.fixture
def ask(page):
    return lambda text, more="": page.get(f"/search/?q={quote(text)}{more}")


def rows(answer, identifier: str = "hits") -> list[list[str]]:
    assert answer.status_code == 200
    found = html.fromstring(answer.content).xpath(f"//table[@id='{identifier}']/tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in found]


def ips(answer) -> list[str]:
    return [row[0] for row in rows(answer)]


def said(answer) -> str:
    """What the page says, without the box on top."""
    (main,) = html.fromstring(answer.content).xpath("//main")
    return " ".join(main.text_content().split())


def named(answer) -> list[str]:
    """The VMs and networks that go by such a name."""
    items = html.fromstring(answer.content).xpath("//section[1]/ul/li")
    return [" ".join(item.text_content().split()).lower() for item in items]


def entry(network: Network, ip: str, mac: str = "", name: str = "") -> None:
    DHCPHostStatus.of(network, HostSpec(mac=mac, ip=ip, name=name)).save()


def ended(network: Network, mac: str, ip: str, hostname: str = "", vm: str = "") -> None:
    now = timezone.now()
    make_lease(network, mac, ip, hostname, vm=vm, first_seen=now - timedelta(days=2), last_seen=now - timedelta(days=1))


# an address


def test_an_address_is_told_with_vm_mac_network_device_and_who_says_so(ask, default, vm):
    make_lease(default, MAC, "192.168.122.8", "alma", expires_at=timezone.now() + timedelta(hours=1))
    entry(default, "192.168.122.8", MAC)
    NICAddress.objects.create(vm=vm.status, mac=MAC, ip="192.168.122.8", source="agent")
    answer = ask("192.168.122.8")
    ((*row, says),) = rows(answer)
    assert row == ["192.168.122.8", "alma-8-8", MAC, "alma", "default", "vnet1"]
    assert says.startswith("lease reserved agent until ")
    (heading,) = html.fromstring(answer.content).xpath("//main/header//*[@class='answer']")
    assert heading.text_content().strip() == "alma-8-8"
    for link in (vm.get_absolute_url(), default.get_absolute_url()):
        assert f'href="{link}"' in answer.content.decode()


@pytest.mark.parametrize(("source", "label"), [("agent", "agent"), ("arp", "ARP")])
def test_an_address_without_a_lease_is_known_from_agent_or_arp(ask, vm, source, label):
    NICAddress.objects.create(vm=vm.status, mac=OTHER, ip="10.255.0.207", source=source)
    assert rows(ask("10.255.0.207")) == [["10.255.0.207", "alma-8-8", OTHER, "", "net1", "vnet2", label]]
    VMStatus.objects.update(power=Power.OFF)
    assert rows(ask("10.255.0.207")) == []


def test_an_address_that_two_have_is_told_of_both(ask, default, net1, vm):
    make_lease(net1, OTHER, "10.255.0.207")
    entry(net1, "10.255.0.207", NOBODY, "printer")
    assert rows(ask("10.255.0.207")) == [
        ["10.255.0.207", "no VM has this MAC", NOBODY, "printer", "net1", "", "reserved"],
        ["10.255.0.207", "alma-8-8", OTHER, "", "net1", "vnet2", "lease"],
    ]


def test_an_ipv6_address_is_found_in_any_spelling(ask, net1, vm):
    make_lease(net1, OTHER, "fd00:1::8")
    for text in ("fd00:1::8", "FD00:0001:0:0::0008", "[fd00:1::8]", "fd00:1::8/128"):
        assert ips(ask(text)) == ["fd00:1::8"]


def free(answer) -> list[str]:
    """Where the "Reserve it" links lead."""
    return html.fromstring(answer.content).xpath("//a[.='Reserve it']/@href")


def test_a_free_address_is_called_free_and_can_be_reserved(page, ask, net1, vm):
    answer = ask("10.255.0.207")
    assert "10.255.0.207 is free on net1, as far as the portal knows." in said(answer)
    (link,) = free(answer)
    assert link == "/networks/lab-1/net1/hosts/add/?ip=10.255.0.207"
    assert 'value="10.255.0.207"' in page.get(link).content.decode()


@pytest.mark.parametrize(("text", "ip"), [("[fd00:1::8]", "fd00%3A1%3A%3A8"), ("10.255.0.207/32", "10.255.0.207")])
def test_the_link_to_reserve_has_the_bare_address_however_it_was_typed(ask, net1, text, ip):
    assert free(ask(text)) == [f"/networks/lab-1/net1/hosts/add/?ip={ip}"]


@pytest.mark.parametrize("ip", ["10.255.0.0", "10.255.0.255"])
def test_addresses_that_no_guest_can_have_are_not_called_free(ask, net1, ip):
    assert free(ask(ip)) == []


def test_an_address_whose_reservation_is_under_way_is_not_called_free(ask, lab):
    network = make_network(lab)
    network.status.write(present=True, ip_range="10.255.0.1/24")
    DHCPHost.objects.create(network=network, mac=MAC, ip="10.255.0.207")
    assert free(ask("10.255.0.207")) == []


def test_the_hosts_own_address_is_the_hosts(ask, net1):
    for ip in ("10.255.0.1", "fd00:1::1"):
        answer = ask(ip)
        assert rows(answer) == [[ip, "", "", "", "net1", "", "the host"]]
        assert free(answer) == []


def test_an_address_in_no_network_is_nobodys(ask, net1):
    answer = ask("172.16.0.1")
    assert "Nothing found for “172.16.0.1”, now or in the lease history. No network has it in its IP range." in said(
        answer
    )
    assert free(answer) == []


# MACs


@pytest.mark.parametrize(
    "text",
    [
        *(OTHER, OTHER.upper(), "52-54-00-AB-CD-EF", "5254.00ab.cdef", "525400abcdef"),  # whole
        *("ab:cd:ef", "AB-CD", ":cd:", "00:ab:cd", "abcd", "0abc", "00AB.CDEF", ":ef", "00abcdef"),  # in part
    ],
)
def test_a_mac_is_found_in_any_spelling_and_in_part(ask, net1, vm, text):
    make_lease(net1, OTHER, "10.255.0.207")
    assert rows(ask(text)) == [["10.255.0.207", "alma-8-8", OTHER, "", "net1", "vnet2", "lease"]]


@pytest.mark.parametrize("text", ["52:54:00:ab:cd:ee", "cd:ab", "ab", "525400abcdef0", "b:cd:e0"])
def test_another_mac_is_not(ask, net1, vm, text):
    make_lease(net1, OTHER, "10.255.0.207")
    assert rows(ask(text)) == []


def test_a_mac_without_an_address_is_told_with_its_vm(ask, net1, vm):
    assert rows(ask(OTHER)) == [["", "alma-8-8", OTHER, "", "net1", "vnet2", ""]]


def test_a_nic_on_a_bridge_of_a_vm_that_others_made(ask, lab):
    stranger = make_vm(lab, "stranger", None, managed=False, generation=0)
    make_running(stranger)
    NICStatus.objects.create(vm=stranger.status, position=0, kind="bridge", source="br0", mac=OTHER, target="vnet9")
    assert rows(ask(OTHER)) == [["", "stranger", OTHER, "", "br0", "vnet9", ""]]
    NICAddress.objects.create(vm=stranger.status, mac=OTHER, ip="172.16.0.9", source="arp")
    assert rows(ask("172.16.0.9")) == [["172.16.0.9", "stranger", OTHER, "", "br0", "vnet9", "ARP"]]
    assert ask("stranger")["Location"] == stranger.get_absolute_url()


# blocks


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.255.0.64/26", ["10.255.0.64", "10.255.0.100", "10.255.0.126", "10.255.0.127"]),
        ("10.255.0.99/26", ["10.255.0.64", "10.255.0.100", "10.255.0.126", "10.255.0.127"]),
        ("10.255.0.64/255.255.255.192", ["10.255.0.64", "10.255.0.100", "10.255.0.126", "10.255.0.127"]),
        ("10.255.0.126/31", ["10.255.0.126", "10.255.0.127"]),
        ("10.255.1.0/24", []),
        ("fd00:1::80/122", ["fd00:1::80", "fd00:1::bf"]),
    ],
)
def test_a_block_lists_all_that_is_in_it_and_nothing_beside(ask, net1, vm, text, found):
    for ip in ("10.255.0.63", "10.255.0.64", "10.255.0.127", "10.255.0.128", "fd00:1::7f", "fd00:1::80", "fd00:1::c0"):
        make_lease(net1, OTHER, ip)
    entry(net1, "10.255.0.126", OTHER)
    entry(net1, "10.255.0.129", OTHER)
    for ip in ("10.255.0.100", "10.255.0.9", "fd00:1::bf"):
        NICAddress.objects.create(vm=vm.status, mac=OTHER, ip=ip, source="agent")
    assert ips(ask(text)) == found


def test_the_beginning_of_an_address_is_a_block(ask, net1, default, vm):
    make_lease(default, MAC, "192.168.122.8")
    for ip in ("10.255.0.9", "10.255.0.207"):
        make_lease(net1, OTHER, ip)
    for text in ("10.", "10.255", "10.255.", "10.255.0", "10.255.0.", "10.255.0.*"):
        assert ips(ask(text)) == ["10.255.0.1", "10.255.0.9", "10.255.0.207"]
    assert ips(ask("192.168.122.")) == ["192.168.122.1", "192.168.122.8"]


def test_a_block_names_each_network_in_it_once(ask, lab):
    two = NET1.replace("family='ipv6' address='fd00:1::1' prefix='64'", "address='10.255.1.1' prefix='24'")
    make_foreign_network(lab, two)
    answer = ask("10.255.0.0/16")
    assert named(answer) == ["network net1 10.255.0.1/24,10.255.1.1/24 on lab-1"]
    assert rows(answer) == [
        ["10.255.0.1", "", "", "", "net1", "", "the host"],
        ["10.255.1.1", "", "", "", "net1", "", "the host"],
    ]


# names


def test_a_host_name_is_found_in_leases_and_entries_whatever_its_case(ask, net1, vm):
    make_lease(net1, OTHER, "10.255.0.207", "Db-Main")
    entry(net1, "10.255.0.9", NOBODY, "db-spare")
    assert rows(ask("DB-")) == [
        ["10.255.0.9", "no VM has this MAC", NOBODY, "db-spare", "net1", "", "reserved"],
        ["10.255.0.207", "alma-8-8", OTHER, "Db-Main", "net1", "vnet2", "lease"],
    ]


def test_a_part_of_a_vms_name_lists_it_with_all_its_nics_and_their_addresses(ask, default, net1, vm):
    make_lease(default, MAC, "192.168.122.8", vm="alma-8-8")
    NICAddress.objects.create(vm=vm.status, mac=OTHER, ip="10.255.0.207", source="agent")
    answer = ask("alma")
    assert [row[:3] for row in rows(answer)] == [
        ["10.255.0.207", "alma-8-8", OTHER],
        ["192.168.122.8", "alma-8-8", MAC],
    ]
    assert named(answer) == ["vm alma-8-8 on lab-1, running"]


def test_a_vms_lease_is_found_by_its_name_though_it_began_before_the_vm_was_seen(ask, default, vm):
    make_lease(default, MAC, "192.168.122.8")
    assert "192.168.122.8" in ips(ask("alma"))


@pytest.mark.parametrize("text", ["alma-8-8", "ALMA-8-8", " alma-8-8 "])
def test_the_name_of_a_vm_leads_to_it(ask, vm, text):
    assert ask(text)["Location"] == vm.get_absolute_url()


def test_the_name_of_a_network_leads_to_it(ask, net1):
    assert ask("net1")["Location"] == net1.get_absolute_url()
    assert named(ask("net")) == ["network net1 10.255.0.1/24,fd00:1::1/64 on lab-1"]


def test_a_name_that_several_have_lists_them(ask, lab, net1, vm):
    make_vm(lab, "net1", 9)
    make_vm(make_hypervisor("lab-2"), "alma-8-8")
    assert named(ask("net1")) == ["network net1 10.255.0.1/24,fd00:1::1/64 on lab-1", "vm net1 on lab-1, off"]
    assert named(ask("alma-8-8")) == ["vm alma-8-8 on lab-1, running", "vm alma-8-8 on lab-2, off"]


def test_all_that_is_known_of_a_name_is_shown_when_asked_for(ask, default, vm):
    make_lease(default, MAC, "192.168.122.8", "alma-8-8")
    assert [row[:2] for row in rows(ask("alma-8-8", "&all=1"))] == [
        ["192.168.122.8", "alma-8-8"],
        ["", "alma-8-8"],
    ]


# what was


def test_who_had_an_address_is_told_after_the_vm_is_gone(ask, net1):
    ended(net1, NOBODY, "10.255.0.207", "old-guest", vm="gone-1")
    for text in ("10.255.0.207", "10.255.0.192/26", NOBODY, "cc:00:01", "old-guest", "gone-1", "gone"):
        ((*row, began, end),) = rows(ask(text), "earlier")
        assert row == ["10.255.0.207", "gone-1", NOBODY, "old-guest", "net1"]
        assert began and end
    answer = ask("10.255.0.207")
    assert rows(answer) == []
    assert "Earlier" in said(answer)
    assert len(free(answer)) == 1


def test_the_past_outlives_the_network_and_has_the_latest_first(ask, net1):
    ended(net1, NOBODY, "10.255.0.207", vm="first")
    make_lease(net1, OTHER, "10.255.0.207", vm="second", last_seen=timezone.now())
    net1.delete()
    assert [row[1] for row in rows(ask("10.255.0.207"), "earlier")] == ["second", "first"]


# any text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        *("'", '"', "\\", "'; DROP TABLE vms_vm; --", "{{ text }}", "{% x %}", "😀"),
        *("%", "_", "%%", "a%8", "alma_8", "?", "*", "&q=alma", "#"),
        *("x" * 10_000, "1" * 10_000, "a:" * 5_000, "." * 10_000),
        *("10.0.0.0/99", "999.1.", "1.2.3.4.5", "fe80::1%eth0", "[", "::1::", ":", "..", "/24", "-1", "0x7f.1"),
    ],
)
def test_any_text_is_only_text(page, vm, text):
    make_vm(vm.hypervisor, "second", 9)
    answer = page.get("/search/", {"q": text})
    assert rows(answer) == []
    shown = answer.content.decode()
    assert "<script>alert" not in shown
    assert "<img" not in shown
    assert named(answer) == []
    assert "now or in the lease history" in said(answer)
    assert len(shown) < 20_000  # a text without end is not said again


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0"])
def test_everything_can_be_asked_for(ask, default, vm, text):
    make_lease(default, MAC, "192.168.122.8")
    answer = ask(text)
    assert ("192.168.122.8" in ips(answer)) == (text == "0.0.0.0/0")


def test_names_that_others_chose_are_text(ask, net1):
    make_lease(net1, NOBODY, "10.255.0.207", "<script>alert(1)</script>")
    shown = ask("10.255.0.207").content.decode()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize("path", ["/search/", "/search/?q=", "/search/?q=%20%20"])
def test_an_empty_question_explains_what_can_be_asked(page, vm, path):
    answer = page.get(path)
    assert "Type an address (10.255.0.207, fd00::8), a block" in said(answer)
    assert rows(answer) == []


def test_only_who_is_logged_in_may_ask(client, vm):
    answer = client.get("/search/?q=alma-8-8")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/search/%3Fq%3Dalma-8-8")


def test_a_question_is_only_read(page, db):
    assert page.post("/search/?q=alma").status_code == 405


@pytest.mark.parametrize("text", ["192.168.122.8", "192.168.122.0/24", "192.", "vm-", "52:54:00", "5254", "default"])
def test_an_answer_costs_few_queries_however_many_hits_it_has(page, lab, default, text):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert page.get("/search/", {"q": text, "all": "1"}).status_code == 200
        return len(found)

    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            mac, ip, vm = f"52:54:00:00:00:{number:02x}", f"192.168.122.{number}", make_vm(lab, f"vm-{number}", number)
            make_running(vm, ("default", mac, f"vnet{number}"))
            make_lease(default, mac, ip, f"vm-{number}")
            entry(default, ip, mac)
            NICAddress.objects.create(vm=vm.status, mac=mac, ip=ip, source="agent")
            ended(default, NOBODY, ip, f"vm-{number}")
            make_foreign_network(lab, NET1.replace("net1", f"default-{number}"))

    grow(7, 10)
    few = queries()
    grow(10, 40)
    assert queries() <= few <= 15  # three of them read names, for those that look alike


def test_who_had_an_address_at_some_time_is_answered_also_for_a_network_that_is_gone(page, lab):
    network = make_foreign_network(lab)
    monday, tuesday = (datetime(2026, 11, day, 22, tzinfo=UTC) for day in (23, 24))
    make_lease(network, "52:54:00:00:00:21", "192.168.122.21", vm="monday", first_seen=monday, last_seen=tuesday)
    make_lease(network, "52:54:00:00:00:22", "192.168.122.21", vm="today", first_seen=tuesday)
    network.delete()
    answer = page.get("/search/?q=192.168.122.21&until=2026-11-24T01:00").content.decode()
    assert "At that time" in answer
    assert "monday" in answer.partition("At that time")[2]
    assert "52:54:00:00:00:22" not in answer.partition("At that time")[2]
    assert (
        "No guest had it at that time" in page.get("/search/?q=192.168.122.21&until=2026-11-20T01:00").content.decode()
    )
