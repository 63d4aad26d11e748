"""What has to be there before something is sent to a URL: objects in the state that the change needs."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from networks.models import Network
from tests.support.making import make_foreign_network, make_host, make_running, record_volume
from virterweb.messages import Message
from virterweb.people.models import Token
from vms.models import VM, Capture, CatalogueEntry, Image, Interruption, Power, SnapshotRequest, Volume

MAC = "52:54:00:00:00:08"
DOMAIN = "<domain type='qemu'><name>alma-8-8</name><memory unit='MiB'>1024</memory><vcpu>1</vcpu><devices/></domain>"


def network() -> Network:
    return Network.objects.select_related("status", "hypervisor").get(name="net1")


def vm() -> VM:
    return VM.objects.select_related("status", "hypervisor").get(name="alma-8-8")


def failed() -> None:
    for each in (network(), vm()):
        each.status.write(error=Message("network.managed"), generation=each.generation)


def drafted() -> None:
    network().status.write(draft=network().full_document, draft_error=Message("network.managed"))


def transient() -> None:
    network().status.write(persistent=False)


def renamed() -> None:
    found = network()
    found.status.write(document=found.full_document.replace("net1", "net9"), persistent=True)


def changed_before() -> None:
    found = network()
    found.change("changed", document=found.full_document.replace("<ip ", "<domain name='lab.test'/><ip "))
    found.refresh_from_db()
    found.status.write(generation=found.generation, dhcp="10.1.0.2-10.1.0.254")
    vm().decide_guest_network("virter")
    make_host(found, MAC, "10.1.0.8")


def outside() -> None:
    """Make libvirt have another domain, and other memory of the VM."""
    found = network()
    document = found.full_document.replace("<ip ", "<domain name='outside.test'/><ip ")
    found.status.write(document=document, stored="", drift="[]", persistent=True)
    vm().status.write(document=DOMAIN, generation=vm().generation)


def stranger() -> None:
    VM.objects.get(name="external").status.write(document=DOMAIN.replace("alma-8-8", "external"), present=True)


def recreated() -> None:
    vm().status.write(present=False)
    other = VM.objects.create(hypervisor=vm().hypervisor, name="alma-8-8", managed=False)
    other.status.write(present=True, document=DOMAIN)


def recreated_network() -> None:
    network().status.write(present=False)
    document = network().full_document.replace(str(network().uuid), "{uuid}")
    make_foreign_network(network().hypervisor, document)


def leaving_nic() -> None:
    vm().remove_nic(MAC)


def interrupted() -> None:
    vm().status.write(power=Power.OFF, interrupted=Interruption.HOST, interrupted_at=timezone.now(), present=True)


def pooled() -> None:
    record_volume(vm().hypervisor, "disk", path="/pool/disk", format="qcow2")


def unused() -> None:
    pooled()
    Volume.objects.update(unused_since=timezone.now())


def ending() -> None:
    for thing in (network(), vm()):
        type(thing).objects.filter(pk=thing.pk).update(ends_at=timezone.now())


def with_token() -> None:
    Token.objects.create(user=get_user_model().objects.get(username="superuser"), name="ci", digest="x")


def with_disk() -> None:
    disk = "<disk device='disk'><source file='/pool/disk'/><target dev='vda'/></disk>"
    vm().status.write(document=DOMAIN.replace("<devices/>", f"<devices>{disk}</devices>"))


def off_with_disk() -> None:
    disk = {"target": "vda", "bus": "virtio", "device": "disk", "format": "qcow2"}
    disk["source"] = "default/virter:work:alma-8-8"
    vm().status.write(present=True, power=Power.OFF, disks=[disk])


def image_failed() -> None:
    image = Image.objects.get()
    image.status.write(error=Message("network.managed"), generation=image.generation)


def image_unused() -> None:
    VM.objects.update(image=None)


def entry() -> int:
    return CatalogueEntry.objects.create(name="alma-9", url="https://files.example/alma-9.qcow2").pk


def with_tap() -> None:
    make_running(vm(), ("net1", MAC, "vnet1"))


def capturing() -> None:
    Capture.objects.update(done_at=None)


def editable() -> None:
    vm().status.write(present=True, persistent=True, power=Power.OFF, stored="", document=whole_domain())


def whole_domain() -> str:
    parts = f"<uuid>{vm().uuid}</uuid><memory unit='MiB'>1024</memory><vcpu>1</vcpu>"
    machine = "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices/>"
    return f"<domain type='qemu'><name>alma-8-8</name>{parts}{machine}</domain>"


def snapshot_requested() -> None:
    SnapshotRequest.objects.create(vm=vm(), verb="take", name="first")


def nothing() -> None: ...
