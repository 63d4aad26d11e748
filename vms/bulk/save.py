"""Carry out a change of many VMs that somebody has accepted."""

from collections.abc import Iterable
from contextlib import suppress

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from networks.reservations.reservations import Conflict
from virterweb.people import rights
from vms.addresses.reserved_address import plan_address
from vms.definition.nics.spec import NICSpec
from vms.models import NIC, VM, NICNetworks, VMQuerySet

from .rows import Row, why_not


def _follow(vm: VM, key: str, spec: NICSpec, by: AbstractBaseUser | None) -> None:
    """Move the reserved address of a NIC with it; if the new network refuses it, the row of the NIC shows why."""
    try:
        now, _ = vm.desired_nic(key)
    except LookupError:
        return
    networks = NICNetworks(vm, (now, spec))
    if had := networks.address(now):
        with suppress(Conflict):
            plan_address(networks, now, spec, had, by).save(vm, by)


def save(found: Iterable[Row], by: AbstractBaseUser | None) -> list[str]:
    """Save what is requested of each VM, and enqueue it; return the NICs that have disappeared in the meantime."""
    gone = []
    with transaction.atomic():
        for row in found:
            if row.power:
                row.vm.ask_power(row.power, by)
            for key, spec, fields in row.wanted:
                try:
                    if key:
                        _follow(row.vm, key, spec, by)
                        row.vm.change_nic(spec, key=key, fields=fields, by=by)
                    else:
                        row.vm.add_nic(spec, by=by)
                except NIC.DoesNotExist:
                    gone.append(f"{row.vm}: NIC {spec.mac}")
    return gone


def again(vms: VMQuerySet, user: rights.Actor) -> None:
    """Retry the failed changes of these VMs."""
    with transaction.atomic():
        for vm in vms.select_related("status", "owner"):
            if not why_not(vm, user) and vm.done and vm.status.error:
                vm.retry(user)
