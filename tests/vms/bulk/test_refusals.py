"""A change of many VMs is refused when its plan no longer holds or its input is wrong."""

import pytest
from django.contrib.messages import get_messages

from tests.support.making import make_hypervisor, make_network
from tests.vms.bulk.many_vms import ask, mac_of, make, places, say_yes, see, texts_by_vm
from vms.models import VM, Power


def test_a_vm_that_cannot_be_changed_is_named_with_the_reason(page, lab, vms):
    stranger = make(lab, 6, managed=False)
    going = make(lab, 7)
    going.remove()
    lost = make(lab, 8)
    lost.status.write(present=False)
    far = make_hypervisor("lab-2")
    make_network(far, "red", "10.200.0.1/24")
    abroad = make(far, 9)
    answer = ask(page, [vms[0], stranger, going, lost, abroad], "move", source="red", to="blue")
    assert texts_by_vm(answer) == {
        "tiny-3": f"Move NIC {mac_of(3)} from red to blue: live, with a short interruption of its link",
        "tiny-6": f"Move NIC {mac_of(6)} from red to blue: live, with a short interruption of its link",
        "tiny-7": "Left out. It is being deleted.",
        "tiny-8": "Left out. libvirt no longer has the VM.",
        "tiny-9": "Left out. lab-2 has no network blue.",
    }
    say_yes(page, [vms[0], stranger, going, lost, abroad], "move", source="red", to="blue")
    assert {vm.name: vm.nics.get().source for vm in VM.objects.all()}.items() >= {
        *((name, "blue") for name in ("tiny-3", "tiny-6")),
        *((name, "red") for name in ("tiny-7", "tiny-8", "tiny-9")),
    }


@pytest.mark.parametrize("meanwhile", ["moved", "nic removed", "nic removed outside", "vm gone", "stopped"])
def test_nothing_is_done_if_the_plan_has_changed(page, lab, vms, meanwhile):
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
    assert "The plan has changed since the preview" in answer.content.decode()
    assert ("1 of the selected VMs is no longer there." in answer.content.decode()) == (meanwhile == "vm gone")
    assert places(vms[1:]) == [[("red", mac_of(vm.number))] for vm in vms[1:]]
    assert all(vm.done for vm in VM.objects.exclude(pk=vms[0].pk))
    again = ask(page, vms, "move", go="yes", token=answer.context["token"], **fields)
    assert again.status_code == 302


@pytest.mark.parametrize(
    ("action", "fields", "field", "said"),
    [
        ("move", {"source": "red", "to": "red"}, "to", "The NICs are already on this network. Choose another one."),
        ("move", {"source": "green", "to": "blue"}, "source", "None of these VMs has a NIC on a network green."),
        ("move", {"source": "red", "to": "green"}, "to", "These VMs cannot use a network green."),
        ("move", {"source": "red"}, "to", "This field is required."),
        ("add", {"network": "green"}, "network", "These VMs cannot use a network green."),
        ("add", {}, "network", "Choose either a network, a bridge of the host or a device of the host."),
        ("add", {"network": "red", "bridge": "br0"}, "network", "Choose either"),
        ("down", {"source": "blue"}, "source", "None of these VMs has a NIC on a network blue."),
    ],
)
def test_invalid_input_has_an_error_at_its_field_and_changes_nothing(page, vms, action, fields, field, said):
    answer = ask(page, vms, action, go="yes", token="", **fields)
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[field])
    assert said in ask(page, vms, action, htmx=True, **fields).content.decode()
    assert all(vm.done for vm in VM.objects.all())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"action": "move"}, "Choose VMs and an action."),
        ({"action": "explode", "vm": "1"}, "Choose VMs and an action."),
        ({"vm": "1"}, "Choose VMs and an action."),
        ({"action": "move", "vm": ["x", "-1", "9" * 30]}, "Choose VMs and an action."),
        ({"action": "move", "vm": [str(number) for number in range(901)]}, "Choose at most 900 VMs."),
    ],
)
def test_an_invalid_selection_leads_back_to_the_list(page, lab, data, said):
    answer = page.post("/vms/many/", data)
    assert answer.url == "/vms/"
    assert [str(one) for one in get_messages(answer.wsgi_request)] == [said]
