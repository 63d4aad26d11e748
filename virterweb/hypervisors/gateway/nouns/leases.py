"""DHCP leases of networks."""

import os
import subprocess

import libvirt

from virterweb.hypervisors.gateway.found import FoundLease, Refused
from virterweb.hypervisors.gateway.session import Session, bridge_of
from virterweb.messages import Message


class Leases:
    """The DHCP leases of networks, each network named by its UUID."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_network(self, uuid: str) -> list[FoundLease]:
        """Return the DHCP leases of an active network; none if it is gone, or on libvirt's test driver."""
        gone = (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_SUPPORT)
        with self._session.calling(Message("leases.of_network"), *gone):
            return [
                FoundLease(
                    mac=(lease["mac"] or "").lower(),
                    ip=lease["ipaddr"],
                    prefix=lease["prefix"],
                    hostname=lease["hostname"] or "",
                    client_id=lease["clientid"] or "",
                    expires=lease["expirytime"],
                )
                for lease in self._session.network(uuid).DHCPLeases()
            ]
        return []

    def release(self, uuid: str, ip: str, mac: str, client_id: str) -> None:
        """Send a network's dnsmasq the message of a guest that releases its address, as Virter does.

        libvirt has no call for it. It needs root on the hypervisor itself, and dhcp_release of dnsmasq-utils; otherwise
        Refused is raised, with the command. Of several leases of one MAC, as of a boot loader and of its system,
        dnsmasq finds all but the latest only by their client IDs.
        """
        with self._session.calling(Message("leases.release")):
            bridge = bridge_of(self._session.libvirt.networkLookupByUUIDString(uuid))
        release = ["dhcp_release", bridge, ip, mac, *([client_id] if client_id else [])]
        if not self._session.pid or os.geteuid() != 0:
            raise Refused(Message("lease.not_released", command=" ".join(release)))
        command = ["nsenter", f"--net=/proc/{self._session.pid}/ns/net", *release]
        try:
            subprocess.run(command, timeout=5, check=True, capture_output=True)
        except (OSError, subprocess.SubprocessError) as problem:
            raise Refused(Message("lease.no_program", command=" ".join(release)), str(problem)) from problem
