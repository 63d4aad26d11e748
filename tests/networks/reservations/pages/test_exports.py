"""The reservations as a table for other programs."""

import json

from networks.definition.spec import HostSpec
from networks.reservations.reservations import reserve
from tests.networks.reservations.pages.reservation_pages import (
    DUID,
    EIGHT,
    MAC,
    NAMED,
    NINE,
    OTHER_MAC,
    SIX,
    again,
    at,
    found,
    paste,
    table,
)
from tests.support.making import make_running, make_vm


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


def test_an_export_is_pasted_back_without_a_change(post, page, net):
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
    assert {row[-1] for row in table(answer, "right")} == {"unchanged"}
    assert len(table(answer, "right")) == 9
