"""Checks of the NICs in the form that runs VMs against each other. `numbers` are the IDs of the VMs."""

from networks.definition import addressing
from vms.definition.guest_nic import GuestSpec
from vms.nics.new_nic_form import NICForm


def check_macs(nics: list[NICForm], numbers: list[int]) -> None:
    """Add an error to the row of a MAC that another NIC of the form has."""
    holders = {}
    for number in numbers:
        holders[addressing.mac_of_id(number)] = f"The access NIC has this MAC, which ID {number} determines."
    for row, nic in enumerate(nics, 1):
        mac = nic.cleaned_data.get("mac") if nic.is_valid() else None
        if mac and len(numbers) > 1:
            nic.add_error("mac", "Several VMs cannot share a MAC. Leave it empty.")
        elif mac and mac in holders:
            nic.add_error("mac", holders[mac])
        elif mac:
            holders[mac] = f"NIC {row} has the same MAC."


def check_routes(nics: list[NICForm], numbers: list[int]) -> None:
    """Add errors to rows with a second default route, or an address that another NIC or VM has."""
    ranked: dict[int | None, int] = {}
    having: dict[str, int] = {}
    for row, nic in enumerate(nics, 1):
        desired = nic.desired_guest if nic.is_valid() else GuestSpec()
        if desired.default_route and desired.metric in ranked:
            nic.add_error(
                "default_route",
                f"NIC {ranked[desired.metric]} already has it. Two default routes need different metrics.",
            )
        elif desired.default_route:
            ranked[desired.metric] = row
        for address in desired.addresses:
            if having.setdefault(address, row) != row:
                nic.add_error("guest_addresses", f"NIC {having[address]} also has {address}.")
        if desired.addresses and len(numbers) > 1:
            nic.add_error("guest_addresses", "Several VMs cannot share an address.")
