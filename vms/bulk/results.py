"""The results of a change of many VMs."""

from collections.abc import Iterator
from dataclasses import dataclass

from vms.models import NIC, VM, NICStatus, VMQuerySet

from . import wording
from .wording import Text, say


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result for one VM: the NICs concerned, each with its MAC and state."""

    vm: VM
    nics: tuple[tuple[str, Text], ...]

    @property
    def outcome(self) -> str:
        """Return done, failed or pending."""
        if not self.vm.done:
            return "pending"
        return "failed" if self.vm.status.error else "done"


def results(vms: VMQuerySet, where: str) -> list[Result]:
    """Return the result for each VM; `where` is the network, bridge or device of the NICs to show, empty for all."""
    chosen = (
        vms.shown()
        .prefetch_related("nics", "status__nics")
        .defer("status__document", "status__stored", "user_data", "host_key")
    )
    return [Result(vm=vm, nics=tuple(_shown(vm, where))) for vm in chosen]


def _shown(vm: VM, where: str) -> Iterator[tuple[str, Text]]:
    saved = {nic.key: nic for nic in vm.nics.all()}
    seen = {nic.key: nic for nic in vm.status.nics.all()}
    for key in dict.fromkeys([*saved, *seen]):
        desired, here = saved.get(key), seen.get(key)
        mac = (desired or here).mac
        if where and where not in {each.source for each in (desired, here) if each}:
            continue
        if here is None:
            yield mac, say("place", "missing") if vm.done else say("place", "not yet", wanted=_place(desired))
        elif desired and desired.removed_at is None and (desired.kind, desired.source) != (here.kind, here.source):
            yield mac, say("place", "elsewhere", found=_place(here), wanted=_place(desired))
        else:
            yield mac, say("place", "link down" if here.link == "down" else "there", found=_place(here))


def _place(nic: NIC | NICStatus) -> str:
    return nic.source or wording.PLACES["user"]
