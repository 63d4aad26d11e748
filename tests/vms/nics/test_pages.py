"""The page that edits a NIC: its preview, and what saving requests."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.models import Network
from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_network, make_running, make_vm
from vms.definition.nics.edit import build, edit
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.spec import NICSpec
from vms.models import NIC, VM, NICStatus, Power, VMStatus

ACCESS, SECOND, OUTSIDE = "52:54:00:00:00:08", "52:54:00:80:00:01", "52:54:00:cc:00:01"
RUNNING = """<domain type='qemu'><name>alma-8-8</name><memory unit='MiB'>1024</memory><vcpu>1</vcpu><devices>
<interface type='network'><mac address='52:54:00:00:00:08'/><source network='default' bridge='virbr0'/>
<target dev='vnet1'/><model type='virtio'/><alias name='net0'/>
<address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/></interface>
<interface type='network'><mac address='52:54:00:80:00:01'/><source network='net1' bridge='virbr1'/>
<target dev='vnet2'/><model type='virtio'/><alias name='net1'/>
<address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/></interface>
<interface type='bridge'><mac address='52:54:00:cc:00:01'/><source bridge='br0'/>
<target dev='vnet3'/><model type='rtl8139'/><mtu size='1400'/><alias name='net2'/>
<address type='pci' domain='0x0000' bus='0x00' slot='0x04' function='0x0'/></interface>
</devices></domain>"""


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    make_network(hypervisor, "net2", "10.254.0.1/24")
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    """Return a running VM with NICs on default, net1 and a bridge; the last one was attached outside the portal."""
    vm = make_vm(lab, image=make_image(lab))
    vm.add_nic(NICSpec(kind="network", source="net1", mac=SECOND))
    make_running(vm, ("default", ACCESS, "vnet1"), ("net1", SECOND, "vnet2"))
    NICStatus.objects.create(vm=vm.status, position=2, kind="bridge", source="br0", model="rtl8139", mac=OUTSIDE)
    VMStatus.objects.filter(desired=vm).update(document=RUNNING)
    return again(vm)


def again(vm: VM) -> VM:
    return VM.objects.shown().get(pk=vm.pk)


def path(vm: VM, mac: str = SECOND) -> str:
    return f"{vm.get_absolute_url()}nics/{mac}/edit/"


def shown(page, vm: VM, mac: str = SECOND) -> dict[str, str]:
    """The form's fields as a browser would send them."""
    (form,) = (form for form in html.fromstring(page.get(path(vm, mac)).content).forms if "link_up" in form.fields)
    return dict(form.form_values())


def send(page, vm: VM, mac: str = SECOND, *, preview: bool = False, **fields: str | None):
    """Send the form with some changed fields; None clears a check box."""
    data = {name: value for name, value in {**shown(page, vm, mac), **fields}.items() if value is not None}
    return page.post(f"{path(vm, mac)}{'preview/' if preview else ''}", data)


def plan(answer) -> list[str]:
    """What the page says that saving does."""
    (aside,) = html.fromstring(answer.content.decode()).xpath("//aside[@id='preview']")
    return [" ".join(each.text_content().split()) for each in aside.xpath(".//li | .//p")]


def test_the_form_has_the_nic_as_it_is(page, lab, vm):
    values = shown(page, vm)
    assert (values["network"], values["link_up"], values["model"]) == ("net1", "on", "virtio")
    values = shown(page, vm, OUTSIDE)
    assert (values["network"], values["bridge"], values["model"], values["mtu"]) == ("", "br0", "rtl8139", "1400")
    answer = page.get(path(vm))
    assert plan(answer) == ["Nothing changes"]
    networks = html.fromstring(answer.content).xpath("//select[@name='network']/option/@value")
    assert networks == ["", "default", "net1", "net2", "/user"]


def test_the_row_of_each_nic_leads_to_it(page, lab, vm):
    links = html.fromstring(page.get(vm.get_absolute_url()).content).xpath(
        "//table[@id='nics']//a[@title='Edit']/@href"
    )
    assert links == [path(vm, mac) for mac in (ACCESS, SECOND, OUTSIDE)]


def test_a_changed_nic_is_shown_as_desired(page, lab, vm):
    send(page, vm, network="net2", vlan="42")
    values = shown(page, vm)
    assert (values["network"], values["vlan"]) == ("net2", "42")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ["Nothing changes"]),
        ({"network": "net2"}, [f"Move NIC {SECOND} from net1 to net2: live, with a short interruption of its link"]),
        ({"link_up": None}, [f"Change NIC {SECOND}, link up → down: live"]),
        (
            {"mtu": "1400"},
            [
                f"Change NIC {SECOND}, MTU none → 1400: unplugged and plugged in again "
                "The guest sees the NIC removed and added again with the same MAC. It must have booted to release the "
                "NIC.",
                "Guest network configuration: DHCP; MTU 1400. "
                "The guest reads it at its next boot, or when you apply it now.",
            ],
        ),
        (
            {"boot_order": "2"},
            [
                f"Change NIC {SECOND}, boot order none → 2: at the next boot "
                "libvirt accepts the boot order of a NIC only if <os> of the VM has no boot device.",
                "The running guest gets these at its next boot: boot order none → 2.",
            ],
        ),
        ({"vlan": "x"}, ["VLAN tag: Enter a whole number."]),
        ({"bridge": "br0"}, ["Network: Choose either a network, a bridge of the host or a device of the host."]),
    ],
)
def test_the_preview_is_next_to_the_form(page, lab, vm, fields, said):
    answer = send(page, vm, preview=True, **fields)
    assert answer.status_code == 200
    assert plan(answer) == said
    assert not NIC.objects.exclude(document="").exists()


def test_a_plan_for_a_vm_that_is_off_changes_only_the_definition(page, lab, vm):
    VMStatus.objects.filter(desired=vm).update(power=Power.OFF)
    assert plan(send(page, vm, preview=True, network="net2", mtu="1400")) == [
        f"Move NIC {SECOND} from net1 to net2, MTU none → 1400",
        "Guest network configuration: DHCP; MTU 1400. The guest reads it at its next boot, or when you apply it now.",
    ]


def test_a_nic_that_libvirt_does_not_have_yet_is_changed_before_it_comes(page, lab, vm):
    nic = vm.add_nic(NICSpec(kind="network", source="net1", mac=""))
    assert plan(send(page, vm, nic.mac, preview=True, network="net2")) == [f"Attach NIC {nic.mac} to net2"]
    send(page, vm, nic.mac, network="net2")
    nic.refresh_from_db()
    assert (nic.source, nic.spec().source) == ("net2", "net2")


def test_saving_changes_the_desired_nic_and_pushes_it(page, lab, vm, enqueued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(page, vm, network="net2", mtu="1400", link_up=None)
    assert (answer.status_code, answer.url) == (302, vm.get_absolute_url())
    assert enqueued == [("vms.tasks.push", vm.pk)]
    nic = vm.nics.get(mac=SECOND)
    assert (nic.kind, nic.source, nic.model, nic.position) == ("network", "net2", "virtio", 1)
    assert (nic.spec().mtu, nic.spec().link_up, nic.spec().pci) == (1400, False, "")
    assert timezone.now() - nic.asked_at < timedelta(minutes=1)
    assert again(vm).state == "pending"
    assert again(vm).generation == vm.generation + 1
    assert (vm.nics.get(mac=ACCESS).document, vm.nics.get(mac=ACCESS).asked_at) == ("", None)


def test_saving_without_a_change_writes_nothing(page, lab, vm):
    for mac in (ACCESS, SECOND, OUTSIDE):
        assert send(page, vm, mac).status_code == 302
    assert again(vm).generation == vm.generation
    assert list(vm.nics.values_list("mac", "document")) == [(ACCESS, ""), (SECOND, "")]


def test_an_error_is_reported_and_nothing_is_written(page, lab, vm):
    answer = send(page, vm, network="net2", vlan="5000", filter="\x01")
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"vlan", "filter"}
    assert [text.partition(":")[0] for text in plan(answer)] == ["Network filter", "VLAN tag"]
    assert "net2" in html.fromstring(answer.content).xpath("//select[@name='network']/option[@selected]/@value")
    assert again(vm).generation == vm.generation


def test_typed_html_is_escaped(page, lab, vm):
    for preview in (False, True):
        answer = send(page, vm, preview=preview, filter="<script>alert(1)</script>", vlan="<b>")
        assert "<script>alert" not in answer.content.decode()
        assert "<b>" not in answer.content.decode()
    answer = send(page, vm, preview=True, filter="<script>alert(1)</script>")
    assert plan(answer) == [f"Change NIC {SECOND}, network filter none → <script>alert(1)</script>: live"]


@pytest.mark.parametrize("mac", ["52:54:00:00:00:99", "x", "%3Cscript%3E", "'"])
def test_there_is_no_page_for_a_nic_that_the_vm_has_not(page, lab, vm, mac):
    other = make_vm(lab, "other", 9)
    for who, what in ((vm, mac), (other, SECOND)):
        assert page.get(path(who, what)).status_code == 404
        assert page.post(path(who, what), {"network": "net2"}).status_code == 404
        assert page.post(f"{path(who, what)}preview/", {"network": "net2"}).status_code == 404


def test_a_vm_that_is_being_deleted_cannot_be_changed(page, lab, vm):
    VM.objects.filter(pk=vm.pk).update(removed_at=timezone.now())
    assert page.get(path(vm)).status_code == page.post(path(vm)).status_code == 404


def test_changing_a_nic_that_was_attached_outside_saves_it(page, lab, vm):
    send(page, vm, OUTSIDE, network="net1", bridge="")
    nic = vm.nics.get(mac=OUTSIDE)
    assert (nic.kind, nic.source, nic.model, nic.position) == ("network", "net1", "rtl8139", 2)
    assert (nic.spec().mtu, nic.spec().pci) == (1400, "")
    assert nic.asked_at


def test_changing_a_nic_cancels_its_pending_removal(page, lab, vm):
    vm.remove_nic(SECOND)
    send(page, vm, network="net2")
    nic = vm.nics.get(mac=SECOND)
    assert (nic.removed_at, nic.source) == (None, "net2")


def test_the_desired_nic_is_read_back_from_its_document(page, lab, vm):
    send(page, vm, filter="clean-traffic", filter_parameters="IP=10.0.0.1 IP=10.0.0.2", outbound="128,,8", queues="2")
    spec = vm.nics.get(mac=SECOND).spec()
    (second,) = (nic for nic in parse_domain(RUNNING) if nic.mac == SECOND)
    (found,) = parse_domain(f"<domain><devices>{edit(second.document, spec)}</devices></domain>")
    assert replace(found.spec, pci="") == spec
    assert vm.nics.get(mac=SECOND).document == build(spec)


def test_a_network_that_goes_is_not_offered_to_others(page, lab, vm):
    Network.objects.filter(name="net1").update(removed_at=timezone.now())
    for mac, networks in (
        (ACCESS, ["", "default", "net2", "/user"]),
        (SECOND, ["", "default", "net2", "net1", "/user"]),
    ):
        answer = page.get(path(vm, mac))
        assert html.fromstring(answer.content).xpath("//select[@name='network']/option/@value") == networks
