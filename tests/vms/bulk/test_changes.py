"""One change of the NICs of many VMs: its plan names each VM, is refused once it no longer holds, and is followed."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from networks.definition.spec import BandwidthSpec, HostSpec, PortGroupSpec
from networks.models import Network
from networks.reservations import reservations as hosts
from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_running
from virterweb.messages import Message
from vms.definition.nics.spec import NICSpec
from vms.models import VM, NICStatus, Power, VMStatus

LIMIT = BandwidthSpec(average=1000)
HTMX = {"HX-Request": "true"}
INTERFACE = """<interface type='network'><mac address='{mac}'/><source network='{network}' bridge='virbr1'/>{more}
<target dev='vnet1'/><model type='virtio'/></interface>"""
DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>1024</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>
<devices><controller type='pci' index='0' model='pci-root'/>{nics}{further}</devices></domain>"""
DEVICE = """<video><address type='pci' domain='0x0000' bus='0x00' slot='0x{slot:02x}' function='0x0'/></video>"""


def mac_of(number: int) -> str:
    return f"52:54:00:80:00:{number:02x}"


def see(vm: VM, *nics: tuple[str, str], more: str = "", further: str = "") -> None:
    """Write down that a VM runs with these (network, MAC) and with nothing else."""
    vm.status.nics.all().delete()
    make_running(vm, *((network, mac, "vnet1") for network, mac in nics))
    found = "".join(INTERFACE.format(network=network, mac=mac, more=more) for network, mac in nics)
    vm.status.write(document=DOMAIN.format(name=vm.name, nics=found, further=further))


def make(lab, number: int, network: str = "red", **values) -> VM:
    """A VM that runs with its wished NIC on a network, and no other."""
    vm = VM.objects.create(hypervisor=lab, name=f"tiny-{number}", number=number, **values)
    vm.nics.create(position=0, source=network, mac=mac_of(number))
    see(vm, (network, mac_of(number)))
    return vm


@pytest.fixture
def lab(db, pokes):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    for number, name in enumerate(("red", "blue", "idle")):
        make_network(hypervisor, name, f"10.25{number}.0.1/24").status.write(present=True, active=name != "idle")
    return hypervisor


@pytest.fixture
def vms(lab) -> list[VM]:
    return [make(lab, number) for number in (3, 4, 5)]


def ask(page, vms, action: str, *, asked: str | None = "yes", htmx: bool = False, **fields: object):
    keys = [getattr(vm, "pk", vm) for vm in vms]
    data = {"action": action, "vm": keys, **({"asked": asked} if asked else {}), **fields}
    return page.post("/vms/many/", data, headers=HTMX if htmx else {})


def told(answer) -> dict[str, str]:
    """What the plan or the page of progress says of each VM."""
    found = html.fromstring(answer.content.decode()).xpath("//table[@id='many-plan' or @id='many-rows']/tbody/tr")
    cells = ([" ".join(cell.text_content().split()) for cell in row.xpath("./td")] for row in found)
    return {name: " | ".join(filter(None, rest)) for name, *rest in cells}


def say_yes(page, vms, action: str, **fields: object):
    token = ask(page, vms, action, **fields).context["token"]
    return ask(page, vms, action, go="yes", token=token, **fields)


def places(vms: list[VM]) -> list[list[tuple[str, str]]]:
    return [list(vm.nics.order_by("position").values_list("source", "mac")) for vm in vms]


def test_vms_are_chosen_in_their_list(page, vms):
    shown = html.fromstring(page.get("/vms/").content)
    assert shown.xpath("//td/input[@name='vm' and @form='many']/@value") == [str(vm.pk) for vm in vms]
    form = shown.get_element_by_id("many")
    assert form.get("action") == "/vms/many/"
    assert form.xpath(".//select/option/@value") == ["add", "move", "down", "up"]


def test_the_form_is_asked_before_anything_is_planned(page, vms):
    answer = ask(page, vms, "move", asked=None)
    assert answer.status_code == 200
    form = answer.context["form"]
    assert [name for name, _ in form.fields["source"].choices] == ["", "red"]
    assert [name for name, _ in form.fields["to"].choices] == ["", "blue", "default", "idle", "red"]
    assert (form.errors, told(answer)) == ({}, {})


def test_moving_shows_every_nic_and_keeps_its_mac(page, vms, pokes, django_capture_on_commit_callbacks):
    answer = ask(page, vms, "move", source="red", to="blue")
    assert told(answer) == {
        vm.name: f"Move NIC {mac_of(vm.number)} from red to blue: live, its link blinks" for vm in vms
    }
    assert "Move NICs to another network: 3 VMs</button>" in answer.content.decode()
    assert places(vms) == [[("red", mac_of(vm.number))] for vm in vms]
    with django_capture_on_commit_callbacks(execute=True):
        answer = say_yes(page, vms, "move", source="red", to="blue")
    assert answer.url == "/vms/many/?did=move&where=blue&" + "&".join(f"vm={vm.pk}" for vm in vms)
    assert places(vms) == [[("blue", mac_of(vm.number))] for vm in vms]
    assert sorted(pokes) == sorted(("vms.tasks.push", vm.pk) for vm in vms)
    assert {vm.state for vm in VM.objects.all()} == {"pending"}


def test_a_nic_that_is_there_already_is_left_out_and_said(page, lab, vms):
    there = make(lab, 6, "blue")
    both = make(lab, 7)
    both.add_nic(NICSpec(kind="network", source="blue", mac=mac_of(0x77)))
    see(both, ("red", mac_of(7)), ("blue", mac_of(0x77)))
    elsewhere = make(lab, 8, "default")
    answer = ask(page, [there, both, elsewhere], "move", source="red", to="blue")
    assert told(answer) == {
        "tiny-6": f"Nothing: NIC {mac_of(6)} is on blue already",
        "tiny-7": f"Move NIC {mac_of(7)} from red to blue: live, its link blinks "
        f"NIC {mac_of(0x77)} is on blue already, and stays",
        "tiny-8": "Nothing: It has no NIC on red.",
    }
    say_yes(page, [there, both, elsewhere], "move", source="red", to="blue")
    assert {vm.name: vm.done for vm in VM.objects.filter(number__gt=5)} == {
        "tiny-6": True,
        "tiny-7": False,
        "tiny-8": True,
    }


def test_what_a_nic_has_beside_its_network_moves_along(page, lab):
    vm = make(lab, 3)
    vm.change_nic(NICSpec(kind="network", source="red", mac=mac_of(3), mtu=1400, port_group="fast"))
    say_yes(page, [vm], "move", source="red", to="blue")
    spec = vm.nics.get().spec()
    assert (spec.source, spec.mtu, spec.port_group) == ("blue", 1400, "")  # blue has no such port group


def test_what_the_network_lends_a_running_nic_does_not_move_along(page, lab):
    lends = {"isolated_ports": True, "port_groups": (PortGroupSpec(name="all", default=True, inbound=LIMIT),)}
    Network.objects.filter(name="red").delete()
    make_network(lab, "red", "10.250.0.1/24", spec=lends).status.write(active=True)
    vm = make(lab, 3)
    see(vm, ("red", mac_of(3)), more="<bandwidth><inbound average='1000'/></bandwidth><port isolated='yes'/>")
    said = told(ask(page, [vm], "move", source="red", to="blue"))["tiny-3"]
    assert said == f"Move NIC {mac_of(3)} from red to blue: live, its link blinks"
    say_yes(page, [vm], "move", source="red", to="blue")
    spec = vm.nics.get().spec()
    assert (spec.source, spec.inbound, spec.isolated) == ("blue", None, False)


def test_what_others_gave_their_nic_of_its_own_stays(page, lab):
    vm = make(lab, 3, managed=False)
    vm.nics.all().delete()
    see(vm, ("red", mac_of(3)), more="<bandwidth><inbound average='1000'/></bandwidth><port isolated='yes'/>")
    assert told(ask(page, [vm], "down"))["tiny-3"].startswith(f"Change NIC {mac_of(3)}, link up → down: live")
    say_yes(page, [vm], "down")
    spec = vm.nics.get().spec()
    assert (spec.link_up, spec.inbound, spec.isolated) == (False, LIMIT, True)


def test_each_gets_a_nic_with_a_mac_of_its_own(page, lab, vms):
    fields = {"network": "blue", "model": "e1000e"}
    assert set(told(ask(page, vms, "add", **fields)).values()) == {"Attach a NIC to blue: live"}
    answer = say_yes(page, vms, "add", **fields)
    assert answer.url.startswith("/vms/many/?did=add&where=blue&vm=")
    added = [vm.nics.get(source="blue") for vm in vms]
    assert len({nic.mac for nic in added}) == 3
    assert {(nic.model, nic.position) for nic in added} == {("e1000e", 1)}
    assert "It has one there already." in told(ask(page, vms, "add", **fields))["tiny-3"]


def test_a_vm_without_a_free_slot_and_a_network_that_is_not_active_are_warned_of(page, lab):
    full = make(lab, 3)
    see(full, ("red", mac_of(3)), further="".join(DEVICE.format(slot=slot) for slot in range(2, 32)))
    said = told(ask(page, [full], "add", network="idle", model="virtio"))["tiny-3"]
    assert "It has no free PCI slot while it runs: libvirt will refuse the NIC." in said
    assert "idle is not active: libvirt refuses it while the VM runs." in said
    full.status.write(power=Power.OFF)
    assert told(ask(page, [full], "add", network="idle", model="virtio")) == {
        "tiny-3": "Attach a NIC to idle: in the definition"
    }


def test_links_go_down_and_up_on_one_network_or_all(page, lab, vms):
    vms[0].add_nic(NICSpec(kind="network", source="blue", mac=mac_of(0x33)))
    see(vms[0], ("red", mac_of(3)), ("blue", mac_of(0x33)))
    at_once = ask(page, vms, "down", asked=None)  # needs no answer first
    assert told(at_once)["tiny-3"] == (
        f"Change NIC {mac_of(3)}, link up → down: live Change NIC {mac_of(0x33)}, link up → down: live"
    )
    say_yes(page, vms, "down", source="red")
    assert [[nic.spec().link_up for nic in vm.nics.all()] for vm in vms] == [[False, True], [False], [False]]
    for vm in vms:
        see(vm, ("red", mac_of(vm.number)), more="<link state='down'/>")
    assert told(ask(page, vms[1:], "down", source="red")) == {
        vm.name: f"Nothing: NIC {mac_of(vm.number)}: its link is down already" for vm in vms[1:]
    }
    assert "Nothing to do." in ask(page, vms[1:], "down", source="red").content.decode()
    say_yes(page, vms[1:], "up")
    assert [vm.nics.get().spec().link_up for vm in vms[1:]] == [True, True]


def test_cutting_the_access_nic_off_is_warned_of(page, lab):
    vm = make(lab, 3, "default")
    note = "This is the access NIC: SSH no longer reaches the guest by it."
    assert note in told(ask(page, [vm], "down"))["tiny-3"]
    assert note in told(ask(page, [vm], "move", source="default", to="blue"))["tiny-3"]
    see(vm, ("default", mac_of(3)), more="<link state='down'/>")
    vm.change_nic(NICSpec(kind="network", source="default", mac=mac_of(3), link_up=False))
    assert note not in told(ask(page, [vm], "up"))["tiny-3"]


def test_who_cannot_be_changed_is_named_with_the_reason(page, lab, vms):
    stranger = make(lab, 6, managed=False)
    going = make(lab, 7)
    going.remove()
    lost = make(lab, 8)
    lost.status.write(present=False)
    far = make_hypervisor("lab-2")
    make_network(far, "red", "10.200.0.1/24")
    abroad = make(far, 9)
    answer = ask(page, [vms[0], stranger, going, lost, abroad], "move", source="red", to="blue")
    assert told(answer) == {
        "tiny-3": f"Move NIC {mac_of(3)} from red to blue: live, its link blinks",
        "tiny-6": f"Move NIC {mac_of(6)} from red to blue: live, its link blinks",
        "tiny-7": "Left out. It is being removed.",
        "tiny-8": "Left out. libvirt no longer has it.",
        "tiny-9": "Left out. There is no network blue on lab-2.",
    }
    say_yes(page, [vms[0], stranger, going, lost, abroad], "move", source="red", to="blue")
    assert {vm.name: vm.nics.get().source for vm in VM.objects.all()}.items() >= {
        *((name, "blue") for name in ("tiny-3", "tiny-6")),
        *((name, "red") for name in ("tiny-7", "tiny-8", "tiny-9")),
    }


@pytest.mark.parametrize("meanwhile", ["moved", "nic removed", "nic removed outside", "vm gone", "stopped"])
def test_nothing_is_done_if_what_would_happen_has_changed(page, lab, vms, meanwhile):
    fields = {"source": "red", "to": "blue"}
    token = ask(page, vms, "move", **fields).context["token"]
    if meanwhile == "moved":
        see(vms[0], ("default", mac_of(3)))
    elif meanwhile == "nic removed":
        vms[0].remove_nic(mac_of(3))
    elif meanwhile == "nic removed outside":
        vms[0].nics.all().delete()
        see(vms[0])
    elif meanwhile == "vm gone":
        VM.objects.filter(pk=vms[0].pk).delete()
    else:
        vms[0].status.write(power=Power.OFF)
    answer = ask(page, vms, "move", go="yes", token=token, **fields)
    assert answer.status_code == 409
    assert "The changes are no longer those of the preview" in answer.content.decode()
    assert ("1 of the selected VMs is no longer there." in answer.content.decode()) == (meanwhile == "vm gone")
    assert places(vms[1:]) == [[("red", mac_of(vm.number))] for vm in vms[1:]]
    assert all(vm.done for vm in VM.objects.exclude(pk=vms[0].pk))
    again = ask(page, vms, "move", go="yes", token=answer.context["token"], **fields)
    assert again.status_code == 302


@pytest.mark.parametrize(
    ("action", "fields", "field", "said"),
    [
        ("move", {"source": "red", "to": "red"}, "to", "That is the network that they are on: choose another one."),
        ("move", {"source": "green", "to": "blue"}, "source", "None of their NICs is on a network green."),
        ("move", {"source": "red", "to": "green"}, "to", "There is no network green for these VMs."),
        ("move", {"source": "red"}, "to", "This field is required."),
        ("add", {"network": "green"}, "network", "There is no network green for these VMs."),
        ("add", {}, "network", "Choose a network, or name a bridge or a device of the host; one of them."),
        ("add", {"network": "red", "bridge": "br0"}, "network", "one of them."),
        ("down", {"source": "blue"}, "source", "None of their NICs is on a network blue."),
    ],
)
def test_bad_input_is_said_at_its_field_and_nothing_done(page, vms, action, fields, field, said):
    answer = ask(page, vms, action, go="yes", token="", **fields)
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[field])
    assert said in ask(page, vms, action, htmx=True, **fields).content.decode()
    assert all(vm.done for vm in VM.objects.all())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"action": "move"}, "Choose VMs, and what shall be done."),
        ({"action": "explode", "vm": "1"}, "Choose VMs, and what shall be done."),
        ({"vm": "1"}, "Choose VMs, and what shall be done."),
        ({"action": "move", "vm": ["x", "-1", "9" * 30]}, "Choose VMs, and what shall be done."),
        ({"action": "move", "vm": [str(number) for number in range(901)]}, "Choose at most 900 VMs at once."),
    ],
)
def test_a_choice_that_cannot_be_is_sent_back_to_the_list(page, lab, data, said):
    answer = page.post("/vms/many/", data)
    assert answer.url == "/vms/"
    assert [str(one) for one in get_messages(answer.wsgi_request)] == [said]


def test_without_a_choice_there_is_no_progress_to_show(page, lab):
    assert page.get("/vms/many/").url == "/vms/"


def test_all_that_are_listed_can_be_chosen(page, lab, vms):
    make(lab, 66)
    answer = page.post("/vms/many/", {"action": "down", "all": "yes", "q": "tiny-6", "hypervisor": "lab-1"})
    assert list(told(answer)) == ["tiny-66"]
    assert len(told(page.post("/vms/many/", {"action": "down", "all": "yes", "q": "", "hypervisor": ""}))) == 4


def test_htmx_gets_the_plan_alone_and_never_says_yes(page, vms):
    answer = ask(page, vms, "move", htmx=True, source="red", to="blue")
    assert answer.content.decode().startswith('<div id="plan"')
    token = answer.context["token"]
    ask(page, vms, "move", htmx=True, source="red", to="blue", token=token)
    assert places(vms) == [[("red", mac_of(vm.number))] for vm in vms]


def test_progress_has_a_row_for_each_and_names_who_failed(page, lab, vms):
    path = say_yes(page, vms, "move", source="red", to="blue").url
    assert told(page.get(path))["tiny-3"] == f"pending | {mac_of(3)} on red, wanted on blue"
    assert "0 of 3 done, 3 in progress." in " ".join(page.get(path).content.decode().split())
    for vm in vms[:2]:
        see(vm, ("blue", mac_of(vm.number)))
        VMStatus.objects.filter(desired=vm).update(generation=VM.objects.get(pk=vm.pk).generation)
    generation = VM.objects.get(pk=vms[2].pk).generation
    vms[2].status.write(
        generation=generation, error=Message.external("libvirt refuses it: no such thing."), detail="internal <error>"
    )
    answer = page.get(path)
    assert told(answer) == {
        "tiny-3": f"running | {mac_of(3)} on blue",
        "tiny-4": f"running | {mac_of(4)} on blue",
        "tiny-5": f"failed | {mac_of(5)} on red, wanted on blue | "
        "libvirt refuses it: no such thing. libvirt error message internal <error>",
    }
    assert "2 of 3 done, 1 failed: tiny-5." in " ".join(html.fromstring(answer.content).text_content().split())
    assert page.get(path, headers=HTMX).content.decode().startswith('<div id="many"')


def test_only_what_failed_is_tried_again(page, vms, pokes, django_capture_on_commit_callbacks):
    vms[2].status.write(error=Message.external("refused"))
    vms[2].nics.update(refused={"code": "libvirt", "text": "refused"})
    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(page, vms, "retry", did="move", where="blue")
    assert answer.url == "/vms/many/?did=move&where=blue&" + "&".join(f"vm={vm.pk}" for vm in vms)
    assert pokes == [("vms.tasks.push", vms[2].pk)]
    assert [vm.done for vm in VM.objects.all()] == [True, True, False]
    assert vms[2].nics.get().asked_at > timezone.now() - timedelta(minutes=1)


def test_a_vm_that_is_gone_from_the_progress_is_counted(page, vms):
    path = say_yes(page, vms, "down").url
    vms[0].delete()
    said = page.get(path).content.decode()
    assert "1 VM is no longer there." in said
    assert list(told(page.get(path))) == ["tiny-4", "tiny-5"]


def test_neither_plan_nor_progress_costs_more_queries_for_more_vms(page, lab):
    def queries(vms: list[VM]) -> tuple[int, int]:
        fields = {"source": "red", "to": "blue"}
        with CaptureQueriesContext(connection) as plan:
            assert len(told(ask(page, vms, "move", **fields))) == len(vms)
            count = len(plan)
        with CaptureQueriesContext(connection) as progress:
            keys = "&".join(f"vm={vm.pk}" for vm in vms)
            assert len(told(page.get(f"/vms/many/?{keys}"))) == len(vms)
            return count, len(progress)

    vms = [make(lab, number) for number in (3, 4)]
    few = queries(vms)
    vms += [make(lab, number) for number in range(5, 40)]
    assert queries(vms) == few
    assert max(few) <= 19


def test_a_nic_that_others_attached_to_a_vm_of_ours_is_moved_too(page, lab):
    vm = make(lab, 3)
    see(vm, ("red", mac_of(3)), ("red", mac_of(0x99)))
    assert NICStatus.objects.count() == 2
    say_yes(page, [vm], "move", source="red", to="blue")
    assert places([vm]) == [[("blue", mac_of(3)), ("blue", mac_of(0x99))]]


def test_a_fixed_address_follows_each_nic_that_moves(page, lab, vms):
    red, blue = (Network.objects.select_related("status").get(name=name, hypervisor=lab) for name in ("red", "blue"))
    for network in (red, blue):
        network.status.write(present=False)  # then its wish says what blocks it has
    for index, vm in enumerate(vms[:2]):
        hosts.reserve(red, [HostSpec(mac=vm.nics.get().mac, ip=f"10.250.0.{50 + index}")], None)
    said = told(ask(page, vms, "move", source="red", to="blue"))
    assert "it gets the next free one of blue" in said[vms[0].name]
    say_yes(page, vms, "move", source="red", to="blue")
    assert len(hosts.entries(red)) == 2  # until the worker has moved them
    moved = {entry.mac: entry.ip for entry in hosts.entries(blue).values()}
    assert set(moved) == {vm.nics.get().mac for vm in vms[:2]}
    assert len(set(moved.values())) == 2
