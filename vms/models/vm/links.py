"""Links of NICs: one set up or down, and all of a VM set down and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.contrib.auth.base_user import AbstractBaseUser

from virterweb.hypervisors.desired.revisions import recorded
from vms.definition.events import Event


class VMLinks:
    """Links of NICs. Part of the model `VM`."""

    def set_link(self, key: str, up: bool, by: AbstractBaseUser | None = None) -> None:
        """Request that the link of a NIC is up or down.

        Raises:
            LookupError: The VM has no NIC with that key.
            SharedMAC: Several NICs have that MAC.
        """
        now, _ = self.desired_nic(key)
        if now.link_up != up:
            self.change_nic(replace(now, link_up=up), key=key, fields=frozenset({"link_up"}), by=by)

    def isolate(self, by: AbstractBaseUser | None = None) -> None:
        """Request that all links are down; `end_isolation` sets those up again that are up now."""
        with self._links_changed(Event.ISOLATED, by):
            up = [key for key in self._nic_keys() if self.desired_nic(key)[0].link_up]
            for key in up:
                self.set_link(key, False, by)
            type(self).objects.filter(pk=self.pk).update(isolated=sorted({*self.isolated, *up}))

    def end_isolation(self, by: AbstractBaseUser | None = None) -> None:
        """Request that the links are up again that `isolate` has set down; a NIC that is gone is left out."""
        with self._links_changed(Event.ISOLATION_ENDED, by):
            there = set(self._nic_keys())
            for key in self.isolated:
                if key in there:
                    self.set_link(key, True, by)
            type(self).objects.filter(pk=self.pk).update(isolated=[])

    @contextmanager
    def _links_changed(self, event: Event, by: AbstractBaseUser | None) -> Iterator[None]:
        """Lock the VM, and read which links are set down: a second request at the same time adds to the first."""
        with self.transition(), recorded(self, event, by):
            self.refresh_from_db(fields=["isolated"])
            yield

    def _nic_keys(self) -> Iterator[str]:
        """Yield the keys of the NICs, desired or found, without those that are being removed."""
        saved = {nic.key: nic.removed_at for nic in self.nics.all()}
        found = (nic.key for nic in self.status.nics.all())
        yield from (key for key in dict.fromkeys([*saved, *found]) if saved.get(key) is None)
