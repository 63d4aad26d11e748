"""A VM in libvirt's test driver that is changed outside the portal."""

from django.contrib.messages import get_messages
from lxml import etree

from virterweb.hypervisors.gateway.connection import Connection
from vms import sync
from vms.definition.domain import parse
from vms.models import VM
from vms.sync import polling

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
    """libvirt's test driver with a running VM that the portal manages."""

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
        """Redefine the VM outside the portal. If it runs, this applies at its next start."""
        self.connection.domains.define(document, "web")
        self.observe()

    def shut_off(self) -> None:
        self.connection.power.force_off(UUID, "web")
        self.observe()

    def say(self, page, verb: str, **data: str) -> str:
        """Post an action and return the message of the portal."""
        answer = page.post(f"/vms/lab-1/web/{verb}/", data)
        assert answer.status_code == 302
        said = " ".join(map(str, get_messages(answer.wsgi_request)))
        page.get("/vms/")
        return said


def macs(document: str) -> list[str]:
    return [found.mac for found in parse(document).nics]


def table(page) -> list[list[str]]:
    rows = etree.HTML(page.get("/vms/lab-1/web/").content.decode()).xpath("//table[@class='differences']/tbody/tr")
    return [["".join(cell.itertext()).strip() for cell in row] for row in rows]


def undefine(lab: Lab) -> None:
    lab.connection.power.force_off(UUID, "web")
    lab.connection.domains.undefine(UUID, "web")
    lab.observe()
