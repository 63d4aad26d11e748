"""The plan of a change of many VMs names each NIC and each VM."""

from lxml import html

from networks.definition.spec import BandwidthSpec, PortGroupSpec
from networks.models import Network
from tests.support.making import make_network
from tests.vms.bulk.many_vms import ask, mac_of, make, places, say_yes, see, texts_by_vm
from vms.definition.nics.spec import NICSpec
from vms.models import VM, Power, PowerVerb

LIMIT = BandwidthSpec(average=1000)

DEVICE = """<video><address type='pci' domain='0x0000' bus='0x00' slot='0x{slot:02x}' function='0x0'/></video>"""


def test_vms_are_selected_in_their_list(page, vms):
    shown = html.fromstring(page.get("/vms/").content)
    assert shown.xpath("//td/input[@name='vm' and @form='many']/@value") == [str(vm.pk) for vm in vms]
    form = shown.get_element_by_id("many")
    assert form.get("action") == "/vms/many/"
    assert form.xpath(".//optgroup[@label='NICs']/option/@value") == ["add", "move", "down", "up"]
    assert form.xpath(".//optgroup[@label='Power']/option/@value") == PowerVerb.values


def test_the_form_is_shown_before_the_plan(page, vms):
    answer = ask(page, vms, "move", asked=None)
    assert answer.status_code == 200
    form = answer.context["form"]
    assert [name for name, _ in form.fields["source"].choices] == ["", "red"]
    assert [name for name, _ in form.fields["to"].choices] == ["", "blue", "default", "idle", "red"]
    assert (form.errors, texts_by_vm(answer)) == ({}, {})


def test_the_plan_of_a_move_shows_every_nic_with_its_mac(page, vms, enqueued, django_capture_on_commit_callbacks):
    answer = ask(page, vms, "move", source="red", to="blue")
    assert texts_by_vm(answer) == {
        vm.name: f"Move NIC {mac_of(vm.number)} from red to blue: live, with a short interruption of its link"
        for vm in vms
    }
    assert "Move NICs to another network: 3 VMs</button>" in answer.content.decode()
    assert places(vms) == [[("red", mac_of(vm.number))] for vm in vms]
    with django_capture_on_commit_callbacks(execute=True):
        answer = say_yes(page, vms, "move", source="red", to="blue")
    assert answer.url == "/vms/many/?did=move&where=blue&" + "&".join(f"vm={vm.pk}" for vm in vms)
    assert places(vms) == [[("blue", mac_of(vm.number))] for vm in vms]
    assert sorted(enqueued) == sorted(("vms.tasks.push", vm.pk) for vm in vms)
    assert {vm.state for vm in VM.objects.all()} == {"pending"}


def test_a_nic_that_is_already_there_is_left_out_and_named(page, lab, vms):
    there = make(lab, 6, "blue")
    both = make(lab, 7)
    both.add_nic(NICSpec(kind="network", source="blue", mac=mac_of(0x77)))
    see(both, ("red", mac_of(7)), ("blue", mac_of(0x77)))
    elsewhere = make(lab, 8, "default")
    answer = ask(page, [there, both, elsewhere], "move", source="red", to="blue")
    assert texts_by_vm(answer) == {
        "tiny-6": f"No change: NIC {mac_of(6)} is already on blue",
        "tiny-7": f"Move NIC {mac_of(7)} from red to blue: live, with a short interruption of its link "
        f"NIC {mac_of(0x77)} is already on blue, and stays",
        "tiny-8": "No change: It has no NIC on red.",
    }
    say_yes(page, [there, both, elsewhere], "move", source="red", to="blue")
    assert {vm.name: vm.done for vm in VM.objects.filter(number__gt=5)} == {
        "tiny-6": True,
        "tiny-7": False,
        "tiny-8": True,
    }


def test_other_fields_of_a_nic_are_kept_when_it_moves(page, lab):
    vm = make(lab, 3)
    vm.change_nic(NICSpec(kind="network", source="red", mac=mac_of(3), mtu=1400, port_group="fast"))
    say_yes(page, [vm], "move", source="red", to="blue")
    spec = vm.nics.get().spec()
    assert (spec.source, spec.mtu, spec.port_group) == ("blue", 1400, "")  # blue has no such port group


def test_values_inherited_from_the_old_network_are_not_kept(page, lab):
    lends = {"isolated_ports": True, "port_groups": (PortGroupSpec(name="all", default=True, inbound=LIMIT),)}
    Network.objects.filter(name="red").delete()
    make_network(lab, "red", "10.250.0.1/24", spec=lends).status.write(active=True)
    vm = make(lab, 3)
    see(vm, ("red", mac_of(3)), more="<bandwidth><inbound average='1000'/></bandwidth><port isolated='yes'/>")
    said = texts_by_vm(ask(page, [vm], "move", source="red", to="blue"))["tiny-3"]
    assert said == f"Move NIC {mac_of(3)} from red to blue: live, with a short interruption of its link"
    say_yes(page, [vm], "move", source="red", to="blue")
    spec = vm.nics.get().spec()
    assert (spec.source, spec.inbound, spec.isolated) == ("blue", None, False)


def test_values_of_an_unmanaged_nic_are_kept(page, lab):
    vm = make(lab, 3, managed=False)
    vm.nics.all().delete()
    see(vm, ("red", mac_of(3)), more="<bandwidth><inbound average='1000'/></bandwidth><port isolated='yes'/>")
    assert texts_by_vm(ask(page, [vm], "down"))["tiny-3"].startswith(f"Change NIC {mac_of(3)}, link up → down: live")
    say_yes(page, [vm], "down")
    spec = vm.nics.get().spec()
    assert (spec.link_up, spec.inbound, spec.isolated) == (False, LIMIT, True)


def test_each_vm_gets_a_nic_with_its_own_mac(page, lab, vms):
    fields = {"network": "blue", "model": "e1000e"}
    assert set(texts_by_vm(ask(page, vms, "add", **fields)).values()) == {"Attach a NIC to blue: live"}
    answer = say_yes(page, vms, "add", **fields)
    assert answer.url.startswith("/vms/many/?did=add&where=blue&vm=")
    added = [vm.nics.get(source="blue") for vm in vms]
    assert len({nic.mac for nic in added}) == 3
    assert {(nic.model, nic.position) for nic in added} == {("e1000e", 1)}
    assert "It already has a NIC on this network." in texts_by_vm(ask(page, vms, "add", **fields))["tiny-3"]


def test_a_vm_without_a_free_slot_and_an_inactive_network_cause_warnings(page, lab):
    full = make(lab, 3)
    see(full, ("red", mac_of(3)), further="".join(DEVICE.format(slot=slot) for slot in range(2, 32)))
    said = texts_by_vm(ask(page, [full], "add", network="idle", model="virtio"))["tiny-3"]
    assert "It has no free PCI slot. libvirt will refuse the NIC while the VM runs." in said
    assert "idle is not active. libvirt refuses the NIC while the VM runs." in said
    full.status.write(power=Power.OFF)
    assert texts_by_vm(ask(page, [full], "add", network="idle", model="virtio")) == {
        "tiny-3": "Attach a NIC to idle: in the definition"
    }


def test_links_are_set_down_and_up_on_one_network_or_all(page, lab, vms):
    vms[0].add_nic(NICSpec(kind="network", source="blue", mac=mac_of(0x33)))
    see(vms[0], ("red", mac_of(3)), ("blue", mac_of(0x33)))
    at_once = ask(page, vms, "down", asked=None)  # needs no answer first
    assert texts_by_vm(at_once)["tiny-3"] == (
        f"Change NIC {mac_of(3)}, link up → down: live Change NIC {mac_of(0x33)}, link up → down: live"
    )
    say_yes(page, vms, "down", source="red")
    assert [[nic.spec().link_up for nic in vm.nics.all()] for vm in vms] == [[False, True], [False], [False]]
    for vm in vms:
        see(vm, ("red", mac_of(vm.number)), more="<link state='down'/>")
    assert texts_by_vm(ask(page, vms[1:], "down", source="red")) == {
        vm.name: f"No change: the link of NIC {mac_of(vm.number)} is already down" for vm in vms[1:]
    }
    assert "Nothing to do." in ask(page, vms[1:], "down", source="red").content.decode()
    say_yes(page, vms[1:], "up")
    assert [vm.nics.get().spec().link_up for vm in vms[1:]] == [True, True]


def test_disconnecting_the_access_nic_causes_a_warning(page, lab):
    vm = make(lab, 3, "default")
    note = "This is the access NIC. SSH can no longer reach the guest through it."
    assert note in texts_by_vm(ask(page, [vm], "down"))["tiny-3"]
    assert note in texts_by_vm(ask(page, [vm], "move", source="default", to="blue"))["tiny-3"]
    see(vm, ("default", mac_of(3)), more="<link state='down'/>")
    vm.change_nic(NICSpec(kind="network", source="default", mac=mac_of(3), link_up=False))
    assert note not in texts_by_vm(ask(page, [vm], "up"))["tiny-3"]
