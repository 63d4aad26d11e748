"""What others did to a VM in libvirt: shown on three sides; each verb on the page does something or says why not."""

from io import StringIO

import pytest
from django.contrib.messages import get_messages
from django.core.management import call_command
from lxml import etree, html

from tests.support.driver import Driver
from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_vm
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms import sync
from vms.attached.rows import nic_rows
from vms.definition.domain import parse
from vms.definition.nics.edit import put, take
from vms.models import VM, VMStatus, Volume
from vms.sync import polling

pytestmark = pytest.mark.integration

UUID, OTHER = "6a2d5b5e-6f0c-4d5a-8e36-2c1b1c5b9f77", "7b3e6c6f-7a1d-4e6b-9f47-3d2c2d6c0a88"
FIRST, SECOND, THIRD = (f"52:54:00:00:00:{number:02x}" for number in (9, 10, 11))


def nic(mac: str, network: str = "default") -> str:
    source = f"<source network='{network}'/><model type='virtio'/>"
    return f"<interface type='network'><mac address='{mac}'/>{source}</interface>"


DOMAIN = f"""<domain type='qemu'><name>web</name><uuid>{UUID}</uuid><memory unit='MiB'>512</memory>
<currentMemory unit='MiB'>512</currentMemory><vcpu>2</vcpu><os><type>hvm</type></os>
<devices>{nic(FIRST)}{nic(SECOND)}</devices></domain>"""


POOL = "<pool type='dir'><name>default</name><target><path>/pool</path></target></pool>"


class Lab:
    """libvirt's test driver with a running VM, and the portal beside it."""

    def __init__(self, hypervisor, connection: Connection) -> None:
        self.hypervisor, self.connection = hypervisor, connection
        self.observe()

    def observe(self) -> VM:
        polling.observe(self.hypervisor, self.connection)
        return self.vm

    @property
    def vm(self) -> VM:
        return VM.objects.shown().order_by("-managed", "pk").first()

    def push(self) -> VM:
        row = self.vm
        if not row.done:
            row.status.write(generation=row.generation, **sync.push(row, self.connection))
        return self.observe()

    def adopt(self) -> VM:
        self.vm.adopt()
        return self.observe()

    def documents(self, uuid: str = UUID) -> tuple[str, str]:
        return self.connection.domains.get(uuid).document, self.connection.domains.stored_document(uuid)

    def define(self, document: str) -> None:
        """As others do, with virsh; of a running VM that is what it is at its next start."""
        self.connection.domains.define(document, "web")
        self.observe()

    def shut_off(self) -> None:
        self.connection.domains.force_off(UUID, "web")
        self.observe()

    def say(self, page, verb: str, **data: str) -> str:
        """Post a verb; what the portal says then."""
        answer = page.post(f"/vms/lab-1/web/{verb}/", data)
        assert answer.status_code == 302
        said = " ".join(map(str, get_messages(answer.wsgi_request)))
        page.get("/vms/")
        return said


@pytest.fixture
def lab(db, pokes, tmp_path):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    file = tmp_path / "host.xml"
    networks = "".join(f"<network><name>{name}</name><bridge name='{name}'/></network>" for name in ("default", "net1"))
    file.write_text(f"<node>{networks}{POOL}{DOMAIN}</node>")
    connection = Driver(1, f"test://{file}")
    yield Lab(hypervisor, connection)
    connection.close()


def macs(document: str) -> list[str]:
    return [found.mac for found in parse(document).nics]


def table(page) -> list[list[str]]:
    rows = etree.HTML(page.get("/vms/lab-1/web/").content.decode()).xpath("//table[@class='differences']/tbody/tr")
    return [["".join(cell.itertext()).strip() for cell in row] for row in rows]


# Three sides


def test_a_nic_that_was_attached_to_the_definition_alone_is_shown_and_is_drift(page, lab):
    lab.adopt()
    lab.define(put(lab.documents()[1], nic(THIRD, "net1")))
    assert lab.vm.state == State.DRIFTED
    assert table(page) == [[f"NIC {THIRD}", "none", "on net1", "none"]]
    states = {row.nic.mac: row.state for row in nic_rows(lab.vm)}
    assert states == {FIRST: "attached", SECOND: "attached", THIRD: "at the next start"}
    assert page.get(f"/vms/lab-1/web/nics/{THIRD}/edit/").status_code == 200
    assert page.get(f"/vms/lab-1/web/nics/{THIRD}/remove/").status_code == 200


def test_a_nic_that_was_detached_from_the_definition_alone_is_shown_and_is_drift(page, lab):
    lab.adopt()
    lab.define(take(lab.documents()[1], SECOND))
    assert table(page) == [[f"NIC {SECOND}", "on default", "missing", "on default"]]
    assert {row.nic.mac: row.state for row in nic_rows(lab.vm)}[SECOND] == "until shutdown"


def test_each_field_says_which_side_has_it(page, lab):
    lab.adopt()
    changed = (
        lab.documents()[1].replace(">524288<", ">1048576<").replace("</interface>", "<mtu size='1400'/></interface>", 1)
    )
    lab.define(changed)
    assert table(page) == [
        ["Memory", "512 MiB", "1024 MiB", "512 MiB"],
        [f"NIC {FIRST}: MTU", "none", "1400", "none"],
    ]
    assert lab.vm.status.drifts[0] == "Memory: stored 1024 MiB, running 512 MiB, expected 512 MiB"


def test_what_differs_of_anothers_vm_is_seen_in_its_rows(lab):
    lab.define(take(lab.documents()[1], SECOND))
    assert [row.state for row in nic_rows(lab.vm)] == ["attached", "until shutdown"]
    assert lab.vm.state == State.UNMANAGED


@pytest.mark.parametrize("change", ["nothing", "more in the definition", "less in the definition", "off"])
def test_adoption_release_and_acceptance_change_nothing(page, lab, change):
    if change == "more in the definition":
        lab.define(put(lab.documents()[1], nic(THIRD)))
    elif change == "less in the definition":
        lab.define(take(lab.documents()[1], SECOND))
    elif change == "off":
        lab.shut_off()
    before = lab.documents()
    for verb in ("adopt", "take", "release", "adopt"):
        assert lab.say(page, verb)
        assert lab.vm.done, "there is nothing to push"
        VM.objects.update(generation=lab.vm.generation + (1 if lab.vm.managed else 0))
        lab.push()
        assert lab.documents() == before
    assert macs(before[1]) == [found.mac for found in lab.vm.nics.all()]


def test_a_stored_nic_is_changed_where_it_is_and_not_attached_by_that(lab):
    lab.define(put(lab.documents()[1], nic(THIRD)))
    live = lab.documents()[0]
    lab.vm.change_nic(parse(put(DOMAIN, nic(THIRD, "net1"))).nics[-1].spec)
    lab.push()
    assert lab.documents()[0] == live
    assert parse(lab.documents()[1]).nics[-1].source == "net1"


# Revert


def test_memory_and_vcpus_are_reverted_in_the_definition(page, lab):
    lab.adopt()
    lab.define(lab.documents()[1].replace(">524288<", ">1048576<").replace(">2</vcpu>", ">4</vcpu>"))
    assert "at its next start" in lab.say(page, "revert")
    lab.push()
    found = parse(lab.documents()[1])
    assert (found.memory, found.vcpus) == (512, 2)
    assert lab.vm.state == State.READY
    assert lab.vm.asked == []


def test_a_name_is_reverted_when_the_vm_is_off(page, lab):
    lab.adopt()
    lab.shut_off()
    lab.connection.domains.rename(UUID, "other")
    lab.observe()
    assert table(page) == [["Name", "web", "other", "–"]]
    lab.say(page, "revert")
    lab.push()
    assert lab.connection.domains.get(UUID).name == "web"
    assert lab.vm.status.drift == ""


def test_a_new_name_is_accepted(page, lab):
    lab.adopt()
    lab.shut_off()
    lab.connection.domains.rename(UUID, "other")
    lab.observe()
    assert "saved one now" in lab.say(page, "take")
    assert (lab.vm.name, lab.observe().status.drift) == ("other", "")


@pytest.mark.parametrize("reason", ["another VM other", "volumes of web are named"])
def test_a_new_name_that_cannot_be_accepted_says_why(page, lab, reason):
    lab.adopt()
    lab.shut_off()
    lab.connection.domains.rename(UUID, "other")
    lab.observe()
    if "volumes" in reason:
        Volume.objects.create(hypervisor=lab.hypervisor, name="virter:work:web", path="/pool/web")
    else:
        make_vm(lab.hypervisor, "other", None)
    assert reason in lab.say(page, "take")
    assert VM.objects.get(uuid=UUID).name == "web"


def test_nics_that_others_removed_and_added_are_reverted(page, lab):
    lab.adopt()
    lab.shut_off()
    lab.define(put(take(lab.documents()[1], SECOND), nic(THIRD)))
    lab.say(page, "revert")
    lab.push()
    assert sorted(macs(lab.documents()[1])) == [FIRST, SECOND]
    assert lab.vm.status.drift == ""


def test_what_was_changed_after_the_page_was_shown_is_not_reverted(page, lab):
    lab.adopt()
    seen = lab.vm.status.drift_digest
    lab.define(put(lab.documents()[1], nic(THIRD)))
    assert "since you saw it" in lab.say(page, "revert", seen=seen)
    lab.push()
    assert THIRD in macs(lab.documents()[1])


def test_trying_again_reverts_nothing(page, lab):
    lab.adopt()
    lab.define(take(lab.documents()[1], SECOND))
    lab.say(page, "retry")
    lab.push()
    assert SECOND not in macs(lab.documents()[1])


# Removed, made anew, transient


def undefine(lab: Lab) -> None:
    lab.connection.domains.force_off(UUID, "web")
    lab.connection.domains.undefine(UUID, "web")
    lab.observe()


def test_a_vm_that_others_removed_is_recreated_as_it_was(page, lab):
    lab.define(lab.documents()[1].replace("<devices>", "<description>a note</description><devices>"))
    lab.adopt()
    undefine(lab)
    assert table(page) == [["VM", "web", "missing", "–"]]
    assert lab.vm.status.drifts == ["libvirt no longer has web"]
    assert "Recreate" in page.get("/vms/lab-1/web/").content.decode()
    lab.say(page, "revert")
    lab.push()
    assert "a note" in lab.documents()[1]
    assert macs(lab.documents()[1]) == [FIRST, SECOND]
    assert (lab.vm.state, lab.vm.status.power) == (State.READY, "running")


def test_a_vm_whose_disk_is_gone_is_not_recreated_and_the_reason_is_said(page, lab):
    disk = "<disk type='volume'><source pool='default' volume='gone'/><target dev='vda' bus='virtio'/></disk>"
    lab.define(lab.documents()[1].replace("<devices>", f"<devices>{disk}"))
    lab.adopt()
    undefine(lab)
    lab.say(page, "revert")
    with pytest.raises(Refused, match="The disk default/gone of web is gone"):
        sync.push(lab.vm, lab.connection)
    assert lab.vm.asked == []


@pytest.mark.parametrize(("verb", "said"), [("take", "libvirt has no web"), ("release", "libvirt has no web")])
def test_verbs_that_need_the_vm_say_that_it_is_gone(page, lab, verb, said):
    lab.adopt()
    undefine(lab)
    assert said in lab.say(page, verb)


@pytest.fixture
def made_anew(lab) -> Lab:
    """Others removed the portal's VM and made it anew: the same name, another UUID."""
    lab.adopt()
    undefine(lab)
    lab.define(DOMAIN.replace(UUID, OTHER).replace(SECOND, THIRD))
    return lab


def test_a_vm_made_anew_is_said_and_made_ours(page, made_anew):
    text = page.get("/vms/lab-1/web/").content.decode()
    assert OTHER in text
    assert "Adopt this one instead" in text
    before = made_anew.documents(OTHER)
    assert "Nothing changed" in made_anew.say(page, "take-over")
    made_anew.push()
    (vm,) = VM.objects.shown()
    assert (str(vm.uuid), vm.managed, vm.state) == (OTHER, True, State.READY)
    assert [found.mac for found in vm.nics.all()] == [FIRST, THIRD]
    assert made_anew.documents(OTHER) == before


def test_every_list_has_one_row_of_a_vm_made_anew_which_says_so_and_what_libvirt_has(page, made_anew, capsys):
    ours = VM.objects.get(managed=True)
    VM.objects.get(managed=False).status.write(power="running", memory=77)
    (row,) = html.fromstring(page.get("/vms/").content.decode()).xpath("//tbody/tr")
    assert row.get("id") == f"vm-{ours.pk}"
    assert "recreated outside the portal" in row.text_content()
    assert "running" in row.text_content()
    assert "77 MiB" in row.text_content()
    call_command("vm", "ls")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("web")]
    assert "web (recreated outside)" in line
    assert "running" in line
    found = html.fromstring(page.get("/search/?q=web&all=1").content.decode())
    assert len(found.xpath("//ul/li[starts-with(., 'VM web')]")) == 1


def test_a_vm_made_anew_is_not_replaced_and_the_reason_is_said(page, made_anew):
    made_anew.say(page, "revert")
    with pytest.raises(Refused, match=f"another VM web, with the UUID {OTHER}"):
        sync.push(made_anew.vm, made_anew.connection)


def test_deleting_ours_leaves_the_one_made_anew(page, made_anew):
    made_anew.vm.remove()
    assert sync.push(made_anew.vm, made_anew.connection) is None
    made_anew.observe()
    (vm,) = VM.objects.all()
    assert (str(vm.uuid), vm.managed) == (OTHER, False)


def test_only_a_vm_that_is_gone_is_taken_over(page, lab):
    lab.adopt()
    assert "libvirt still has web" in lab.say(page, "take-over")
    undefine(lab)
    assert "no other VM" in lab.say(page, "take-over")


def test_a_transient_vm_is_marked_everywhere_and_made_persistent(page, lab):
    lab.connection.domains.undefine(UUID, "web")
    lab.observe()
    for path in ("/vms/", "/vms/lab-1/web/", "/attached/"):
        assert ">transient</span>" in page.get(path).content.decode(), path
    said = StringIO()
    call_command("vm", "ls", stdout=StringIO(), stderr=said)
    assert "web is transient" in said.getvalue()
    lab.adopt()
    assert [row[0] for row in table(page)] == ["Definition"]
    assert "forgets it when it stops" in lab.say(page, "take")
    lab.say(page, "persist")
    live = lab.documents()[0]
    lab.push()
    assert lab.connection.domains.get(UUID).persistent
    assert lab.documents()[0] == live
    assert (lab.vm.state, lab.vm.status.transient) == (State.READY, False)
    assert ">transient</span>" not in page.get("/vms/").content.decode()


def test_memory_of_a_transient_vm_is_not_reverted_and_the_reason_is_said(lab):
    lab.connection.domains.undefine(UUID, "web")
    lab.adopt()
    vm = lab.vm
    VM.objects.filter(pk=vm.pk).update(asked=["memory"])
    with pytest.raises(Refused, match="Make it persistent first"):
        sync.push(lab.vm, lab.connection)


def test_what_others_changed_since_the_page_was_opened_is_not_accepted(page, lab):
    lab.adopt()
    lab.define(put(lab.documents()[1], nic(THIRD, "net1")))
    seen = lab.vm.status.drift_digest
    lab.define(take(lab.documents()[1], SECOND))
    assert "web was changed in libvirt since you saw it" in lab.say(page, "take", seen=seen)
    assert lab.vm.nics.count() == 2
    lab.say(page, "take", seen=lab.vm.status.drift_digest)
    assert {found.mac for found in lab.vm.nics.all()} == {FIRST, THIRD}


def test_a_vm_that_failed_still_shows_how_libvirt_differs_and_what_can_be_done(page, lab):
    vm = lab.adopt()
    lab.define(DOMAIN.replace("<memory", "<title>theirs</title><memory", 1).replace(SECOND, THIRD))
    VMStatus.objects.update(error=Message.external("It cannot start"))
    assert VM.objects.get(pk=vm.pk).state == State.FAILED
    assert table(page)
    text = page.get("/vms/lab-1/web/").content.decode()
    assert "It cannot start" in text and "Revert to saved definition" in text
