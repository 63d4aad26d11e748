"""Guests and an ARP table that answer with given addresses."""

import threading

from virterweb.hypervisors.gateway.found import FoundAddress
from vms.agents import asking
from vms.agents import sync as addresses
from vms.models import AddressRound, NICAddress
from vms.observed.addresses import Source

MAC, BRIDGED, PLAIN = (f"52:54:00:00:00:{tail}" for tail in ("08", "18", "28"))
DOMAIN = (
    "<domain><devices><channel type='unix'><target type='virtio' name='{name}'{state}/></channel></devices></domain>"
)
WITH_AGENT = DOMAIN.format(name=asking.CHANNEL, state=" state='connected'")
WITHOUT_DHCP = (
    """<network><name>plain</name><uuid>{uuid}</uuid><forward mode='bridge'/><bridge name='br9'/></network>"""
)


class Guests:
    """A host with set answers, because libvirt's test driver returns the same for every source."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[str, ...]] | Exception] = {Source.AGENT: [], Source.ARP: []}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.domains = self

    def interface_addresses(self, uuid: str, source: str) -> list[FoundAddress]:
        self.asked.append(str(source))
        if source == Source.AGENT:
            self.gate.wait(10)
        if isinstance(answer := self.answers[source], Exception):
            raise answer
        return [
            FoundAddress(mac=mac, ip=ip, prefix=24, source=source, device="".join(device))
            for mac, ip, *device in answer
        ]


def ask(vm) -> None:
    """Run a round that is due."""
    AddressRound.objects.update(due_at=None)
    addresses.ask(vm.hypervisor_id)


def seen() -> list[tuple[str, str, str]]:
    return sorted(NICAddress.objects.values_list("mac", "ip", "source"))
