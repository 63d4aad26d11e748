"""VMs whose NICs are changed together, and what the pages say of each."""

from lxml import html

from tests.support.making import make_running
from vms.models import VM

HTMX = {"HX-Request": "true"}
INTERFACE = """<interface type='network'><mac address='{mac}'/><source network='{network}' bridge='virbr1'/>{more}
<target dev='vnet1'/><model type='virtio'/></interface>"""
DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>1024</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>
<devices><controller type='pci' index='0' model='pci-root'/>{nics}{further}</devices></domain>"""


def mac_of(number: int) -> str:
    return f"52:54:00:80:00:{number:02x}"


def see(vm: VM, *nics: tuple[str, str], more: str = "", further: str = "") -> None:
    """Record that a VM runs with exactly these NICs, given as (network, MAC)."""
    vm.status.nics.all().delete()
    make_running(vm, *((network, mac, "vnet1") for network, mac in nics))
    found = "".join(INTERFACE.format(network=network, mac=mac, more=more) for network, mac in nics)
    vm.status.write(document=DOMAIN.format(name=vm.name, nics=found, further=further))


def make(lab, number: int, network: str = "red", **values) -> VM:
    """Create a VM that runs with its desired NIC on a network."""
    vm = VM.objects.create(hypervisor=lab, name=f"tiny-{number}", number=number, **values)
    vm.nics.create(position=0, source=network, mac=mac_of(number))
    see(vm, (network, mac_of(number)))
    return vm


def ask(page, vms, action: str, *, asked: str | None = "yes", htmx: bool = False, **fields: object):
    keys = [getattr(vm, "pk", vm) for vm in vms]
    data = {"action": action, "vm": keys, **({"asked": asked} if asked else {}), **fields}
    return page.post("/vms/many/", data, headers=HTMX if htmx else {})


def texts_by_vm(answer) -> dict[str, str]:
    """Return the text of each VM in the plan or in the progress."""
    found = html.fromstring(answer.content.decode()).xpath("//table[@id='many-plan' or @id='many-rows']/tbody/tr")
    cells = ([" ".join(cell.text_content().split()) for cell in row.xpath("./td")] for row in found)
    return {name: " | ".join(filter(None, rest)) for name, *rest in cells}


def say_yes(page, vms, action: str, **fields: object):
    token = ask(page, vms, action, **fields).context["token"]
    return ask(page, vms, action, go="yes", token=token, **fields)


def places(vms: list[VM]) -> list[list[tuple[str, str]]]:
    return [list(vm.nics.order_by("position").values_list("source", "mac")) for vm in vms]
