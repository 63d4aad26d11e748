"""The claim of a web server process on a serial console, in the database, which all web servers share."""

import asyncio
from contextlib import ExitStack

from channels.db import database_sync_to_async
from django.db import Error

from virterweb.hypervisors.claims.due import end_claims_of_dead
from virterweb.messages import Message
from vms.models import VM, ConsoleClaim

from .opening import NotOpened


class Claim:
    """The claim on one console; the threads of `claims.due` extend it until it is released."""

    def __init__(self, vm: VM) -> None:
        self._vm, self._stack, self._row = vm, ExitStack(), None
        self._taking: asyncio.Future[None] | None = None

    async def take(self, *, force: bool) -> None:
        """Claim the console; with `force`, another process loses it. Raises NotOpened."""
        self._taking = asyncio.ensure_future(database_sync_to_async(self._take)(force))
        await asyncio.shield(self._taking)
        if self._row is None:
            raise NotOpened(Message("consoles.elsewhere", name=self._vm.name), may_take=True)

    def _take(self, force: bool) -> None:
        row, _ = ConsoleClaim.objects.get_or_create(vm=self._vm)
        rows = ConsoleClaim.objects.filter(pk=row.pk)
        if force:
            rows.update(claimed_by="", claimed_until=None)
        self._row = self._stack.enter_context(rows.claim())
        if self._row is None:
            end_claims_of_dead()
            self._row = self._stack.enter_context(rows.claim())

    async def is_held(self) -> bool:
        """Return whether no other process has taken the console; True while the database cannot say."""
        try:
            return await database_sync_to_async(self._row.is_still_claimed)()
        except Error:
            return True

    async def release(self) -> None:
        """Release the claim, also one whose taker was cancelled before it had it."""
        if self._taking:
            await asyncio.wait([self._taking])
        await database_sync_to_async(self._stack.close)()
