"""Power states and actions: paused with its reason, saved, resumed, forced off; also of unmanaged and drifted VMs."""

import libvirt
import pytest
from django.utils import timezone
from lxml import html

from tests.support.making import make_hypervisor, make_running, make_vm
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message
from vms import sync
from vms.models import VM, Power, PowerReason, ShownPower, VMStatus

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
DOMAIN = """<domain type='test'><name>test</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type></os>
<description>not modelled</description></domain>"""


@pytest.fixture
def lab(db, tmp_path, enqueued):
    """A hypervisor of libvirt's test driver, private to this process."""
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def domain(lab) -> libvirt.virDomain:
    """Return an unmanaged running VM, as observed."""
    with connected(lab.pk, lab.uri) as connection:
        domain = connection.session.libvirt.defineXML(DOMAIN)
    domain.create()
    observe(lab.pk)
    return domain


def seen(lab) -> VM:
    observe(lab.pk)
    return VM.objects.shown().get(name="test")


def push(vm: VM) -> VM:
    carry_out(VM, vm.pk, sync.push)
    return VM.objects.shown().get(pk=vm.pk)


def buttons(answer) -> list[str]:
    (actions,) = html.fromstring(answer.content).xpath("//header[@class='page']//div[@class='actions']")
    return [" ".join(each.text_content().split()) for each in actions.xpath(".//button | .//a")]


def test_a_paused_vm_says_why_and_is_resumed(lab, domain, page):
    domain.suspend()
    vm = seen(lab)
    assert (vm.status.power, vm.status.power_reason, vm.shown_state) == ("paused", "user", Power.PAUSED)
    shown = page.get(vm.get_absolute_url())
    assert "a user paused it" in shown.content.decode()
    assert buttons(shown)[0] == "Resume"
    assert "Force off" in buttons(shown)
    page.post(f"{vm.get_absolute_url()}resume/")
    assert push(vm).status.power == "running"
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    assert seen(lab).status.power_reason == ""


def test_a_saved_vm_is_shown_as_saved_and_continues_at_its_start(lab, domain, page):
    domain.managedSave()
    vm = seen(lab)
    assert (vm.status.power, vm.status.saved, vm.shown_state) == ("off", True, ShownPower.SAVED)
    shown = page.get(vm.get_absolute_url())
    assert "Start continues from there" in shown.content.decode()
    assert buttons(shown)[0] == "Start"
    assert 'data-state="saved"' in page.get("/vms/").content.decode()
    page.post(f"{vm.get_absolute_url()}start/")
    vm = push(vm)
    assert (vm.status.power, vm.status.saved) == ("running", False)


def test_force_off_asks_first_and_names_the_consequence(lab, domain, page):
    vm = seen(lab)
    path = f"{vm.get_absolute_url()}force-off/"
    assert "data that it has not written to its disks is lost" in page.get(path).content.decode()
    assert VM.objects.get(pk=vm.pk).power_generation == 0
    page.post(path)
    assert push(vm).status.power == "off"
    assert not domain.isActive()
    assert "test is off." in page.get(path).content.decode()


def test_the_power_of_an_unmanaged_vm_is_changed_once_and_not_watched_over(lab, domain, page):
    vm = seen(lab)
    shown = buttons(page.get(vm.get_absolute_url()))
    assert shown[0] == "Shut down"
    assert "Force off" in shown
    page.post(f"{vm.get_absolute_url()}force-off/")
    vm = push(vm)
    assert (vm.managed, vm.state, vm.status.power) == (False, State.UNMANAGED, "off")
    domain.create()
    vm = seen(lab)
    assert (vm.managed, vm.state, vm.status.power, vm.status.drift) == (False, State.UNMANAGED, "running", "")
    assert vm.done
    assert domain.isActive()


@pytest.mark.parametrize(
    ("status", "state"),
    [({"drift": "memory: found 2 MiB"}, "drifted"), ({"error": Message.external("no")}, "failed")],
)
@pytest.mark.parametrize("power", [Power.RUNNING, Power.PAUSED, Power.OFF])
def test_a_problem_is_shown_next_to_the_power_state(lab, page, status, state, power):
    vm = make_vm(lab)
    make_running(vm)
    VMStatus.objects.update(power=power, **status)
    for path in (vm.get_absolute_url(), "/vms/"):
        shown = page.get(path).content.decode()
        assert f'data-state="{state}"' in shown
        assert f'data-power="{power}"' in shown


def test_a_vm_that_libvirt_does_not_have_has_no_power_state(lab, page):
    vm = make_vm(lab)
    vm.status.write(generation=1, error=Message.external("no"), made_at=timezone.now())
    assert "data-power" not in page.get(vm.get_absolute_url()).content.decode()


def test_each_reason_of_libvirts_has_its_sentence():
    from virterweb.hypervisors.gateway.nouns import power as gateway

    codes = {*gateway._REASONS.values(), *gateway._OTHER_STATES.values(), "no-space"}
    assert codes == set(PowerReason.values)


def test_a_reason_is_seen_even_where_nothing_else_has_changed(lab, domain):
    domain.suspend()
    vm = seen(lab)
    VMStatus.objects.update(power_reason="io-error", fingerprint="as it was then")
    assert seen(lab).status.power_reason == "user"
    assert vm.status.hint == "a user paused it"


def stored(domain: libvirt.virDomain) -> html.HtmlElement:
    return html.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


def test_memory_and_vcpus_are_changed_in_the_stored_definition_in_place(lab, domain, page):
    vm = seen(lab)
    vm.adopt()
    push(vm)
    before = stored(domain)
    path = f"{vm.get_absolute_url()}size/"
    assert "Everything else takes effect at" in page.get(path).content.decode()
    page.post(path, {"memory": "512", "vcpus": "1"})
    vm = push(VM.objects.get(pk=vm.pk))
    assert (vm.memory, vm.vcpus, str(vm.status.error)) == (512, 1, "")
    found = stored(domain)
    assert found.findtext("memory") == str(512 * 1024)
    for element in (
        *found.xpath("//memory | //currentmemory | //vcpu"),
        *before.xpath("//memory | //currentmemory | //vcpu"),
    ):
        element.getparent().remove(element)
    assert html.tostring(found) == html.tostring(before)


def test_a_vm_that_failed_for_its_memory_is_tried_again_with_another(lab, page):
    vm = make_vm(lab, memory=2**23)
    vm.status.write(generation=1, error=Message.external("Could not start alma-8-8: the host has not enough memory"))
    assert f'href="{vm.get_absolute_url()}size/"' in page.get(vm.get_absolute_url()).content.decode()
    path = f"{vm.get_absolute_url()}size/"
    assert "the host has not enough memory" in page.get(path).content.decode()
    assert page.post(path, {"memory": "0", "vcpus": "many"}).status_code == 422
    page.post(path, {"memory": "256", "vcpus": "2"})
    vm.refresh_from_db()
    assert (vm.memory, vm.vcpus, vm.asked, vm.state) == (256, 2, [], State.PENDING)
    assert VM.objects.overdue().get() == vm


def test_the_size_of_an_unmanaged_vm_is_not_the_portals(lab, domain, page):
    assert page.get(f"{seen(lab).get_absolute_url()}size/").status_code == 404


def test_power_that_is_changed_on_a_page_of_the_vm_leaves_that_page_open(lab, domain, page):
    own = seen(lab).get_absolute_url()
    origin = "http://testserver"
    for referer, back in (
        (f"{origin}{own}console/", f"{own}console/"),
        (f"{origin}{own}snapshots/?page=2", f"{own}snapshots/"),
        (f"{origin}/vms/", own),
        (f"{origin}{own}nonsense/", own),
        ("", own),
    ):
        assert page.post(f"{own}start/", headers={"Referer": referer}).url == back
