"""Guests whose agents report given network configurations."""

import json
from datetime import timedelta

from virterweb.hypervisors.gateway.found import FoundAddress, FoundOutput
from vms.agents import sync as addresses
from vms.attached.rows import nic_rows
from vms.guests import report as guest_report
from vms.models import VM, AddressRound, GuestReport
from vms.observed.addresses import Source
from vms.observed.guest_seen import State

MAC, PLAIN, LATER = (f"52:54:00:00:00:{tail}" for tail in ("08", "18", "28"))
WITHOUT_DHCP = """<network><name>plain</name><uuid>{uuid}</uuid><bridge name='br9'/></network>"""
AGENT = f"<channel type='unix'><target type='virtio' name='{guest_report.CHANNEL}' state='connected'/></channel>"


def domain(*macs: str, run: str = "7", channel: str = AGENT) -> str:
    nics = "".join(
        f"<interface type='network'><mac address='{mac}'/><source network='plain'/></interface>" for mac in macs
    )
    number = f" id='{run}'" if run else ""
    return f"<domain type='kvm'{number}><name>alma-8-8</name><devices>{channel}{nics}</devices></domain>"


def report_text(*errors: str, up: str = "0x1003", client: str = "", done: bool = True) -> str:
    """Return what the program prints in the guest."""
    result = json.dumps({"v1": {"datasource": "NoCloud", "errors": errors}})
    ends = f"result {result}" if done else 'status {"v1": {"stage": "init"}}'
    return f"card {MAC} 0x1003 2 ens3\ncard {PLAIN} {up} 3 ens4\n{client}\ncloud-init installed\n{ends}\nend\n"


CLIENT = "client dhclient dhclient -4 ens3"


class Guests:
    """A host whose guests give the set answers."""

    def __init__(self) -> None:
        self.addresses: list[tuple[str, str]] = [("00:00:00:00:00:00", "127.0.0.1")]
        self.answer: str | Exception = report_text(client=CLIENT)
        self.asked = 0
        self.domains = self.guest_agent = self

    def interface_addresses(self, uuid: str, source: str) -> list[FoundAddress]:
        pairs = self.addresses if source == Source.AGENT else []
        return [FoundAddress(mac=mac, ip=ip, prefix=24, source=source) for mac, ip in pairs]

    def run(self, uuid: str, command: list[str], seconds: float) -> FoundOutput:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return FoundOutput(code=0, text=self.answer)


def ask(vm: VM) -> GuestReport:
    """Run a round that is due."""
    AddressRound.objects.update(due_at=None)
    addresses.ask(vm.hypervisor_id)
    return GuestReport.objects.get()


def later(**by: int) -> None:
    """Set back the time at which the guest was last asked."""
    report = GuestReport.objects.get()
    GuestReport.objects.update(asked_at=report.asked_at - timedelta(**by))


def states(vm: VM) -> dict[str, State]:
    vm = VM.objects.shown().get(pk=vm.pk)
    return {row.nic.mac: row.guest.state for row in nic_rows(vm) if row.guest}
