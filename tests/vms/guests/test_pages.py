"""The guest network configuration: set in forms, shown on a page, and applied on request."""

from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations.reservations import reserve
from tests.support.making import (
    make_foreign_network,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.messages import Message
from vms.cloud_init import seed
from vms.definition.guest_nic import GuestSpec
from vms.definition.nics.spec import NICSpec
from vms.guests import configure
from vms.models import NIC, VM, GuestReport, GuestRun, Power, VMStatus

SECOND = "52:54:00:80:00:01"
STATIC = {"mode": "static", "addresses": ("10.255.0.9/24",)}


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    """A VM that runs with a NIC on default and one on net1."""
    vm = make_vm(lab, image=make_image(lab), host_key="-----BEGIN\nsecret\n-----END\n")
    vm.add_nic(NICSpec(kind="network", source="net1", mac=SECOND))
    make_running(vm, ("default", "52:54:00:00:00:08", "vnet1"), ("net1", SECOND, "vnet2"))
    VMStatus.objects.filter(desired=vm).update(generation=vm.generation)
    return VM.objects.shown().get(pk=vm.pk)


def change(page, vm: VM, **fields: str):
    address = f"{vm.get_absolute_url()}nics/{SECOND}/edit/"
    (form,) = (form for form in html.fromstring(page.get(address).content).forms if "guest" in form.fields)
    return page.post(address, {**dict(form.form_values()), **fields})


def errors(answer) -> list[str]:
    return [
        each.text_content().strip() for each in html.fromstring(answer.content).find_class("error") if each.tag == "div"
    ]


def desired() -> GuestSpec:
    return NIC.objects.get(mac=SECOND).guest_spec()


def test_the_form_of_a_nic_saves_its_guest_settings_and_raises_the_generation(page, vm):
    answer = change(page, vm, guest="static", guest_addresses="10.255.0.9/24", dns="none", metric="300")
    assert answer.status_code == 302
    assert desired() == GuestSpec(mode="static", addresses=("10.255.0.9/24",), use_dns=False, metric=300)
    assert VM.objects.get().generation > vm.generation
    generation = VM.objects.get().generation
    change(page, vm)
    assert VM.objects.get().generation == generation, "nothing was changed"
    change(page, vm, guest="auto", guest_addresses="", dns="", metric="")
    assert NIC.objects.get(mac=SECOND).guest == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"guest": "static", "guest_addresses": "10.1.0.9/24"}, "10.1.0.9 is outside 10.255.0.0/24"),
        ({"guest": "static", "guest_addresses": "10.255.0.9"}, "10.255.0.9 is not an address with its prefix"),
        ({"guest": "static", "guest_addresses": "<b>/24"}, "<b>/24 is not an address with its prefix"),
        ({"guest": "static"}, "Enter an address with its prefix"),
        (
            {"guest": "static", "guest_addresses": "10.255.0.9/24", "gateway": "10.1.0.1"},
            "10.1.0.1 is outside the block of the address",
        ),
        ({"gateway": "x"}, "x is not an IP address"),
        ({"dns": "fe80::1%$(reboot)"}, "fe80::1%$(reboot) is not an IP address"),
        ({"dns": "9.9.9"}, "9.9.9 is not an IP address"),
        ({"default_route": "yes"}, "net1 is isolated"),
        ({"mtu": "9000"}, "The MTU of net1 is 1500"),
        ({"metric": "-1"}, "greater than or equal to 0"),
    ],
)
def test_settings_that_the_guest_does_not_support_are_refused_at_their_field(page, vm, fields, said):
    answer = change(page, vm, **fields)
    assert answer.status_code == 422
    assert any(said in error for error in errors(answer)), errors(answer)
    assert NIC.objects.get(mac=SECOND).guest == {}


def test_there_are_no_two_default_routes(page, vm, lab):
    NIC.objects.filter(position=0).update(guest=GuestSpec(default_route=True).stored)
    network = Network.objects.get(name="net1")
    network.document = network.document.replace("<bridge", "<forward mode='nat'/><bridge", 1)
    network.save()
    assert "NIC 52:54:00:00:00:08 already has the default route" in " ".join(
        errors(change(page, vm, default_route="yes"))
    )


@pytest.mark.parametrize(
    ("holding", "said"),
    [
        ("reserved", "10.255.0.9 is reserved for other (52:54:00:00:00:09)."),
        ("leased", "10.255.0.9 is leased to beta (52:54:00:80:00:0b)."),
        ("static", "10.255.0.9 is the static address of beta (52:54:00:80:00:0b)."),
        ("used", "10.255.0.9 is used by beta (52:54:00:80:00:0b)."),
    ],
)
def test_no_guest_sets_an_address_that_another_has(page, vm, lab, holding, said):
    net1, other = Network.objects.get(name="net1"), "52:54:00:80:00:0b"
    beta = make_vm(lab, name="beta", number=11)
    make_running(beta, ("net1", other, "vnet3"))
    match holding:
        case "reserved":
            reserve(net1, [HostSpec(mac="52:54:00:00:00:09", ip="10.255.0.9", name="other")], None)
        case "leased":
            make_lease(net1, other, "10.255.0.9")
        case "static":
            beta.add_nic(NICSpec(kind="network", source="net1", mac=other), GuestSpec(**STATIC))
        case "used":
            beta.status.addresses.create(mac=other, ip="10.255.0.9")
    answer = change(page, vm, guest="static", guest_addresses="10.255.0.9/24")
    assert errors(answer) == [said]


def test_a_guest_may_set_the_address_of_one_that_is_gone_and_its_own(page, vm):
    net1 = Network.objects.get(name="net1")
    make_lease(net1, "52:54:00:00:00:0c", "10.255.0.9")
    reserve(net1, [HostSpec(mac=SECOND, ip="10.255.0.9")], None)
    for _ in range(2):
        assert change(page, vm, guest="static", guest_addresses="10.255.0.9/24").status_code == 302


def test_a_fixed_address_is_the_static_one(page, vm):
    assert change(page, vm, guest="static", address="10.255.0.77").status_code == 302
    guest = seed.wanted(VM.objects.get())[1]
    assert guest.addresses == ("10.255.0.77/24",)


def test_guest_settings_are_not_offered_without_the_portals_iso(page, vm):
    VM.objects.filter(pk=vm.pk).update(host_key="")
    assert b"In the guest" not in page.get(f"{vm.get_absolute_url()}nics/{SECOND}/edit/").content
    assert page.get(f"{vm.get_absolute_url()}guest/").status_code == 404


def test_the_page_shows_what_each_nic_is_to_do_and_the_files_without_the_host_key(page, vm):
    answer = page.get(f"{vm.get_absolute_url()}guest/")
    text = html.fromstring(answer.content).text_content()
    assert "BEGIN" not in text and "secret" not in text and "(the private host key)" in text
    assert "macaddress: " in text and "updates:" in text and "instance-id: alma-8-8" in text


def test_the_configuration_mode_is_set_for_the_vm_or_its_hypervisor(page, vm, lab):
    assert page.post(f"{vm.get_absolute_url()}guest/rule/", {"guest_network": "virter"}).status_code == 302
    files = seed.files(VM.objects.get())
    assert b"updates" not in files["user-data"] and b"enp2s0" in files["network-config"]
    page.post(f"{vm.get_absolute_url()}guest/rule/", {"guest_network": "nonsense"})
    assert b"updates" in seed.files(VM.objects.get())["user-data"]
    lab.guest_network = "virter"
    lab.save()
    assert b"updates" not in seed.files(VM.objects.get())["user-data"]


def test_the_virter_compatible_mode_ignores_settings_of_a_nic(page, vm):
    change(page, vm, guest="static", guest_addresses="10.255.0.9/24")
    VM.objects.update(guest_network="virter")
    assert b"10.255.0.9" not in seed.files(VM.objects.get())["network-config"]


def fresh(lab: Hypervisor) -> Hypervisor:
    """Return a hypervisor as a poll reads it."""
    return Hypervisor.objects.select_related("status").prefetch_related("reading_problems").get(pk=lab.pk)


def test_a_change_of_a_network_rewrites_the_isos(vm, lab):
    VMStatus.objects.update(seed=seed.digest(seed.files(vm)))
    assert seed.keep_up(fresh(lab))
    assert not seed.keep_up(fresh(lab)) and VM.objects.get().generation == vm.generation
    network = Network.objects.get(name="net1")
    network.document = network.document.replace("<dhcp>", "<!--").replace("</dhcp>", "-->")
    network.save()
    assert seed.keep_up(fresh(lab))
    assert VM.objects.get().generation == vm.generation + 1 and not seed.keep_up(fresh(lab))


def test_a_vm_whose_iso_cannot_be_made_is_named_and_the_others_are_kept_up(vm, lab, monkeypatch):
    other = make_vm(lab, "vm-9", 9, host_key="one")
    VM.objects.update(generation=1)
    VMStatus.objects.update(generation=1, present=True, seed="stale")

    def files(each: VM) -> dict[str, bytes]:
        return {"user-data": {}[each.name]} if each == vm else {}

    monkeypatch.setattr(seed, "files", files)
    seed.keep_up(fresh(lab))
    (problem,) = ReadingProblem.objects.all()
    assert str(problem).startswith(f"Cloud-init data of VM {vm.name} cannot be read: internal error (KeyError)")
    assert VM.objects.get(pk=other.pk).generation == 2
    assert not seed.keep_up(fresh(lab))


def test_configure_now_is_requested_and_its_result_is_shown(page, vm):
    assert page.post(f"{vm.get_absolute_url()}guest/configure/").status_code == 302
    run = GuestRun.objects.get()
    assert b"in progress" in page.get(f"{vm.get_absolute_url()}guest/").content
    GuestRun.objects.update(done_at=timezone.now(), code=1, output="<b>no</b> cloud-init")
    text = page.get(f"{vm.get_absolute_url()}guest/").content.decode()
    assert "failed" in text and "&lt;b&gt;no&lt;/b&gt; cloud-init" in text
    configure.ask(vm)
    assert GuestRun.objects.get(pk=run.pk).done_at is None


def test_configure_now_waits_until_the_iso_is_written(vm):
    configure.ask(vm)
    assert list(configure.due_runs()) == [GuestRun.objects.get()]
    vm.ask_again()
    assert not configure.due_runs()


def test_a_vm_that_does_not_run_is_not_configured(vm):
    VMStatus.objects.update(power=Power.OFF)
    configure.ask(vm)
    configure.run(GuestRun.objects.get().pk)
    run = GuestRun.objects.get()
    assert (run.code, run.reason, run.output) == (None, Message("guest.off"), "") and run.done_at


def test_the_page_shows_why_a_guest_cannot_be_configured_now(page, vm):
    address = f"{vm.get_absolute_url()}guest/"
    assert b"Not now" not in page.get(address).content
    report = GuestReport.objects.create(vm=vm.status, run="1", since=timezone.now(), agent=False)
    assert "agent does not answer" in page.get(address).content.decode()
    GuestReport.objects.filter(pk=report.pk).update(agent=True)
    assert b"Not now" not in page.get(address).content
    VMStatus.objects.update(power=Power.OFF)
    assert "Not possible now: The VM is not running." in page.get(address).content.decode()


def test_the_virter_compatible_mode_has_nothing_to_configure(vm):
    VM.objects.update(guest_network="virter")
    configure.ask(vm)
    configure.run(GuestRun.objects.get().pk)
    assert GuestRun.objects.get().reason == Message("guest.as_virter")


def test_a_guest_with_one_dhcp_nic_has_nothing_to_configure(vm):
    vm.nics.filter(mac=SECOND).delete()
    configure.ask(vm)
    configure.run(GuestRun.objects.get().pk)
    assert (GuestRun.objects.get().code, GuestRun.objects.get().reason) == (0, Message("guest.nothing"))


def test_work_in_progress_in_another_worker_is_not_repeated(vm):
    configure.ask(vm)
    GuestRun.objects.update(claimed_until=timezone.now() + timedelta(seconds=60))
    configure.run(GuestRun.objects.get().pk)
    assert GuestRun.objects.get().done_at is None


def test_the_guest_is_told_its_cards_and_what_renderers_leave_out(vm):
    vm.add_nic(NICSpec(kind="bridge", source="br0", mac="52:54:00:80:00:02"))
    words = configure.command(VM.objects.get())
    assert words[:2] == ("sh", "-c") and words[3] == "configure.sh"
    assert words[4:] == (
        *("52:54:00:00:00:08", SECOND, "52:54:00:80:00:02", "--"),
        "52:54:00:80:00:02=up,no-ipv4,no-ipv6",
    )
