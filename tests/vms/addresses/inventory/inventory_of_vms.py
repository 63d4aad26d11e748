"""The inventory of the VMs, as a command prints it."""

from io import StringIO

from django.core.management import call_command

from tests.support.making import make_running, make_vm
from vms.addresses.inventory import ansible, guests
from vms.models import VM

ACCESS, SECOND = "52:54:00:00:00:08", "52:54:00:80:00:01"


def make_stranger(hypervisor, name: str, *nics: tuple[str, str, str]) -> VM:
    vm = make_vm(hypervisor, name, None, managed=False, generation=0)
    make_running(vm, *nics)
    return vm


def inventory() -> dict:
    return ansible(guests(VM.objects.all()))


def hosts() -> dict:
    return inventory()["_meta"]["hostvars"]


def run(*words: str) -> str:
    out = StringIO()
    call_command("inventory", *words, stdout=out)
    return out.getvalue()
