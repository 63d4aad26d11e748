"""The claim on a serial console of a viewer that leaves early."""

import asyncio
import threading

from vms.console.claims import Claim


class SlowClaim(Claim):
    """A claim that the database grants late."""

    def __init__(self) -> None:
        super().__init__(None)
        self.began, self.granted, self.given_back = threading.Event(), threading.Event(), False

    def _take(self, force: bool) -> None:
        self.began.set()
        self.granted.wait(10)
        self._stack.callback(self._give_back)

    def _give_back(self) -> None:
        self.given_back = True


async def leave_early() -> SlowClaim:
    claim = SlowClaim()
    taking = asyncio.create_task(claim.take(force=False))
    await asyncio.to_thread(claim.began.wait, 10)
    taking.cancel()
    await asyncio.wait([taking])
    releasing = asyncio.create_task(claim.release())
    await asyncio.sleep(0)
    claim.granted.set()
    await releasing
    return claim


def test_a_claim_that_is_granted_after_its_viewer_has_left_is_given_back():
    assert asyncio.run(leave_early()).given_back
