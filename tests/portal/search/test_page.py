"""The search page: any input is only text, and the number of database queries is small."""

from urllib.parse import urlencode

import pytest

from tests.portal.search.search_results import MAC, NET1, NOBODY, ended, entry, ips, named, rows, said
from tests.support.making import make_foreign_network, make_lease, make_running, make_vm
from tests.support.shown import queries_of
from vms.models import NICAddress


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
def test_any_search_text_is_escaped(page, vm, text):
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
def test_any_character_can_be_searched(ask, default, vm, text):
    make_lease(default, MAC, "192.168.122.8")
    answer = ask(text)
    assert ("192.168.122.8" in ips(answer)) == (text == "0.0.0.0/0")


def test_names_from_outside_the_portal_are_escaped(ask, net1):
    make_lease(net1, NOBODY, "10.255.0.207", "<script>alert(1)</script>")
    shown = ask("10.255.0.207").content.decode()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize("path", ["/search/", "/search/?q=", "/search/?q=%20%20"])
def test_an_empty_search_explains_what_can_be_found(page, vm, path):
    answer = page.get(path)
    assert "Type an address (10.255.0.207, fd00::8), a block" in said(answer)
    assert rows(answer) == []


def test_a_search_requires_a_login(client, vm):
    answer = client.get("/search/?q=alma-8-8")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/search/%3Fq%3Dalma-8-8")


def test_a_search_changes_nothing(page, db):
    assert page.post("/search/?q=alma").status_code == 405


@pytest.mark.parametrize("text", ["192.168.122.8", "192.168.122.0/24", "192.", "vm-", "52:54:00", "5254", "default"])
def test_the_number_of_database_queries_does_not_depend_on_the_hits(page, lab, default, text):
    def queries() -> int:
        return queries_of(page, f"/search/?{urlencode({'q': text, 'all': '1'})}")

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
    assert queries() <= few <= 16  # three of them read names, for those that look alike
