"""libvirt's test driver, with the calls that it lacks."""

import libvirt

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.nouns.domains import Domains


class DriverDomains(Domains):
    def undefine(self, uuid: str, name: str) -> None:
        """Undefine without flags: the driver does not support them."""
        with self._session.calling(f"undefine {name}", libvirt.VIR_ERR_NO_DOMAIN):
            self._session.libvirt.lookupByUUIDString(uuid).undefineFlags(0)


class Driver(Connection):
    def __init__(self, hypervisor_id: int, uri: str) -> None:
        super().__init__(hypervisor_id, uri)
        self.domains = DriverDomains(self.session)
