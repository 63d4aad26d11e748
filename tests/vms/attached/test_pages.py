"""NICs attached to networks, bridges and port groups: filters in the URL, page, CSV and JSON."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from lxml import html

from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from virterweb.hypervisors.gateway.found import FoundDomain
from vms.models import VM, NICAddress, NICStatus, Power, VMStatus
from vms.sync import recording

HTMX = {"HX-Request": "true"}
BRIDGED = """<network><name>lan</name><uuid>{uuid}</uuid><forward mode='bridge'/><bridge name='br0'/></network>"""
COLUMNS = ["VM", "MAC", "IP", "Hostname", "Host Device", "Attached to", "Model", "Link", "State", "Owner"]


@pytest.fixture
def lab(db, enqueued, user):
    """Three VMs: mira's on default and twice on lan, nobody's on the plain bridge br0, and a stranger on default."""
    hypervisor = make_hypervisor()
    default = make_foreign_network(hypervisor)
    make_foreign_network(hypervisor, BRIDGED)
    make_lease(default, "52:54:00:00:00:08", "192.168.122.8", "alma-8-8")
    alma = make_vm(hypervisor, owner=user)
    make_running(alma, ("default", "52:54:00:00:00:08", "vnet1"), ("lan", "52:54:00:80:00:01", "vnet2"))
    make_running(alma, ("lan", "52:54:00:80:00:03", "vnet3"))
    NICStatus.objects.filter(mac="52:54:00:80:00:01").update(port_group="blue")
    NICStatus.objects.filter(mac="52:54:00:80:00:03").update(position=2, link="down")
    other = make_vm(hypervisor, "other", 9)
    VMStatus.objects.filter(desired=other).update(present=True, power=Power.OFF)
    NICStatus.objects.create(vm=other.status, position=0, kind="bridge", source="br0", mac="52:54:00:80:00:02")
    stranger = make_vm(hypervisor, "stranger", None, managed=False)
    make_running(stranger, ("default", "52:54:00:aa:00:01", "vnet4"))
    return hypervisor


def rows(answer) -> list[list[str]]:
    found = html.fromstring(answer.content.decode()).xpath("//table[@id='attached-table']//tr")
    texts = [[" ".join(cell.text_content().split()) for cell in row.xpath("./td | ./th")] for row in found]
    assert not texts or texts[0][-1] == "Traffic", "which nothing has been measured of"
    assert {row[-1] for row in texts[1:] if len(row) > 1} <= {""}
    return [row[:-1] if len(row) > 1 else row for row in texts]


def macs(answer) -> list[str]:
    return [row["mac"][-5:] for row in answer.json()]


def test_all_nics_are_shown_with_virters_columns_first(page, lab):
    answer = page.get("/attached/")
    assert rows(answer) == [
        COLUMNS,
        [
            *("alma-8-8", "52:54:00:00:00:08", "192.168.122.8", "alma-8-8", "vnet1"),
            *("default", "virtio", "up", "running", "mira"),
        ],
        [
            *("alma-8-8", "52:54:00:80:00:01", "DHCP outside libvirt", "", "vnet2"),
            *("lan blue", "virtio", "up", "running", "mira"),
        ],
        [
            *("alma-8-8", "52:54:00:80:00:03", "DHCP outside libvirt", "", "vnet3"),
            *("lan", "virtio", "down", "running", "mira"),
        ],
        ["other", "52:54:00:80:00:02", "not running", "", "", "br0 host bridge", "", "up", "off", ""],
        [
            *("stranger unmanaged", "52:54:00:aa:00:01", "waiting for a lease", "", "vnet4"),
            *("default", "virtio", "up", "running", "others"),
        ],
    ]
    links = html.fromstring(answer.content).xpath("(//table//tr)[2]//a/@href")
    assert links == ["/vms/lab-1/alma-8-8/", "/networks/lab-1/default/"]


def test_grouped_by_vm_each_has_a_heading_with_its_state(page, lab):
    found = rows(page.get("/attached/?group=vm&q=52:54:00:80"))
    assert [row[0] if len(row) == 1 else row[1] for row in found[1:]] == [
        *("alma-8-8 running owner mira", "52:54:00:80:00:01", "52:54:00:80:00:03"),
        *("other off", "52:54:00:80:00:02"),
    ]
    assert [found[0], {len(row) for row in found}] == [COLUMNS[:8], {8, 1}]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("network=default", ["00:08", "00:01"]),
        ("bridge=br0", ["00:01", "00:03", "00:02"]),  # plainly, and by the network in bridge mode
        ("bridge=virbr0", ["00:08", "00:01"]),
        ("port_group=blue", ["00:01"]),
        ("state=off", ["00:02"]),
        ("state=running&network=lan", ["00:01", "00:03"]),
        ("owner=mira", ["00:08", "00:01", "00:03"]),
        ("owner=others", ["00:01"]),
        ("q=ALMA", ["00:08", "00:01", "00:03"]),
        ("q=aa:00", ["00:01"]),
        ("q=vnet3", ["00:03"]),
        ("q=blue", ["00:01"]),
        ("hypervisor=lab-2", []),
        ("state=none&owner=nobody", []),
        ("group=nonsense&network=lan", ["00:01", "00:03"]),
    ],
)
def test_filters_stand_in_the_address(page, lab, query, found):
    assert macs(page.get(f"/attached.json?{query}")) == found
    assert [row[1][-5:] for row in rows(page.get(f"/attached/?{query}", headers=HTMX))[1:]] == found


def test_only_what_exists_is_offered_and_what_is_asked_for_is_kept(page, lab):
    shown = html.fromstring(page.get("/attached/?state=paused&q=x&group=vm").content)
    offered = {
        chip.xpath("string(summary)"): dict(zip(chip.xpath(".//a/text()"), chip.xpath(".//a/@href"), strict=True))
        for chip in shown.xpath("//details[contains(@class, 'chips')]")
    }
    kept = "q=x&group=vm"
    assert offered == {
        "Network": {each: f"/attached/?network={each}&state=paused&{kept}" for each in ("default", "lan")},
        "Host bridge": {"br0": f"/attached/?bridge=br0&state=paused&{kept}"},
        "Port group": {"blue": f"/attached/?port_group=blue&state=paused&{kept}"},
        "Owner": {each: f"/attached/?state=paused&owner={each}&{kept}" for each in ("mira", "others")},
    }
    assert shown.xpath("//a[contains(@class, 'chip')]/@href") == [
        f"/attached/?{kept}",
        "/attached/?state=paused&group=vm",
    ]
    (form,) = shown.xpath("//main//form[@role='search']")
    assert dict(form.form_values()) == {"q": "x", "group": "vm", "state": "paused"}


def test_a_table_without_rows_says_what_would_be_here_or_shows_all(page, lab):
    assert "No NIC matches." in page.get("/attached/?q=nothing").content.decode()
    NICStatus.objects.all().delete()
    assert "No NICs yet." in page.get("/attached/").content.decode()


def test_the_table_polls_and_is_saved_with_its_filters(page, lab):
    shown = page.get("/attached/?state=running&group=vm", headers=HTMX).content.decode()
    assert shown.lstrip().startswith('<div id="nic-list" hx-get="/attached/?state=running&amp;group=vm"')
    assert "/attached.csv?state=running&amp;group=vm" in page.get("/attached/?state=running&group=vm").content.decode()


def test_two_vms_of_one_name_and_mac_on_two_hypervisors_keep_their_own_addresses(page, lab):
    second = make_hypervisor("lab-2")
    make_lease(make_foreign_network(second), "52:54:00:00:00:08", "192.168.122.200")
    twin = make_vm(second)
    make_running(twin, ("default", "52:54:00:00:00:08", "vnet1"))
    NICAddress.objects.create(vm=twin.status, mac="52:54:00:00:00:08", ip="10.0.0.9", source="arp")
    found = page.get("/attached.json?q=52:54:00:00:00:08").json()
    assert [(row["hypervisor"], row["ip"], row["sources"]) for row in found] == [
        ("lab-1", ["192.168.122.8"], ["lease"]),
        ("lab-2", ["192.168.122.200", "10.0.0.9"], ["lease", "arp"]),
    ]
    assert [row[0] for row in rows(page.get("/attached/?q=52:54:00:00:00:08"))[1:]] == [
        "alma-8-8 on lab-1",
        "alma-8-8 on lab-2",
    ]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/bridges/lab-1/br0/attached/", "/attached/?hypervisor=lab-1&bridge=br0"),
        ("/bridges/lab-1/br0/attached.csv?state=off", "/attached.csv?hypervisor=lab-1&bridge=br0&state=off"),
        ("/networks/lab-1/lan/groups/blue/attached/", "/attached/?hypervisor=lab-1&network=lan&port_group=blue"),
        (
            "/networks/lab-1/lan/groups/blue/attached.json",
            "/attached.json?hypervisor=lab-1&network=lan&port_group=blue",
        ),
    ],
)
def test_addresses_can_be_guessed(page, lab, path, there):
    answer = page.get(path)
    assert answer.url == there
    assert page.get(path, follow=True).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/bridges/none/br0/attached/", "/networks/lab-1/none/groups/blue/attached/", "/attached.xml"),
        *("/bridges/lab-1/br0/attached.xml", "/attached.csv/"),
    ],
)
def test_an_unknown_object_is_a_404(page, lab, path):
    assert page.get(path).status_code == 404


def test_a_client_that_does_not_accept_html_gets_a_file(page, lab):
    answer = page.get("/attached/?bridge=br0", headers={"accept": "application/json"})
    assert macs(answer) == ["00:01", "00:03", "00:02"]
    kept = page.get("/attached.csv?bridge=br0")
    assert kept.headers["Content-Disposition"] == 'attachment; filename="attached-br0.csv"'
    assert kept.content.decode().splitlines()[1] == (
        "alma-8-8,52:54:00:80:00:01,,,vnet2,,lab-1,network,lan,br0,blue,virtio,up,running,mira,unknown,"
    )


def test_the_attached_nics_require_a_login(client, lab):
    assert client.get("/attached.json").url == "/login/?next=/attached.json"


def test_a_networks_own_table_is_flat_or_grouped_and_names_port_groups(page, lab):
    path = "/networks/lab-1/lan/attached/"
    assert rows(page.get(path, headers=HTMX)) == [
        COLUMNS[:5],
        ["alma-8-8", "52:54:00:80:00:01", "DHCP outside libvirt", "", "vnet2 blue"],
        ["alma-8-8", "52:54:00:80:00:03", "DHCP outside libvirt", "", "vnet3"],
    ]
    answer = page.get(f"{path}?group=vm", headers=HTMX)
    assert [row[0] for row in rows(answer)[1:]] == ["alma-8-8 running", "", ""]
    section = html.fromstring(answer.content).xpath("//div[@id='attached']")[0]
    assert section.get("hx-get") == f"{path}?group=vm"
    links = {link.text: link.get("href") for link in section.xpath("./header//a")}
    assert links["Ungroup"] == f"{path}?group=flat"
    assert links["Filter"] == "/attached/?hypervisor=lab-1&network=lan&group=vm"
    assert macs(page.get(f"{path[:-1]}.json?state=off")) == []


def run(*words: str) -> str:
    out = StringIO()
    call_command("network", "list-attached", *words, stdout=out)
    return out.getvalue()


def test_the_command_prints_virters_table_of_bridges_and_port_groups_too(lab):
    assert [line.split() for line in run("--bridge", "br0").splitlines()] == [
        ["VM", "MAC", "IP", "Hostname", "Host", "Device"],
        ["alma-8-8", "52:54:00:80:00:01", "vnet2"],
        ["alma-8-8", "52:54:00:80:00:03", "vnet3"],
        ["other", "52:54:00:80:00:02"],
    ]
    assert [line.split()[1] for line in run("lan", "--port-group", "blue").splitlines()] == ["MAC", "52:54:00:80:00:01"]


def test_the_command_gives_json(page, lab):
    assert json.loads(run("default", "--json")) == page.get("/networks/lab-1/default/attached.json").json()


def test_the_command_requires_a_network_bridge_or_port_group(lab):
    with pytest.raises(CommandError, match="name a network, or give --bridge or --port-group"):
        run()


def test_the_port_group_is_read_of_the_domain_also_where_nothing_else_changes(lab):
    vm = VM.objects.get(name="other")
    document = """<domain><name>other</name><memory>1024</memory><vcpu>1</vcpu><devices><interface type='network'>
<source network='lan' portgroup='{group}'/><mac address='52:54:00:80:00:02'/></interface></devices></domain>"""
    for group in ("red", "green"):
        write_nics(vm, document.format(group=group))
        assert [(nic.source, nic.port_group) for nic in vm.status.nics.all()] == [("lan", group)]
    first = vm.status.nics.get()
    write_nics(vm, document.format(group="green"))
    assert vm.status.nics.get() == first  # what is the same is not written again


def write_nics(vm: VM, document: str) -> None:
    found = FoundDomain(uuid=vm.uuid_text, name=vm.name, document=document, state="off", persistent=True)
    recording.write_nics(vm, found)
