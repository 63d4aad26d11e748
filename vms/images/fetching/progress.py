"""The progress of a download, as the status of its image records it."""

import time

from virterweb.hypervisors.desired.refusals import Superseded
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from virterweb.people.limits import Exceeded
from virterweb.web_server import spool
from vms.models import FETCHING, Image

GIB = 1024**3
RETRIES_FORGOTTEN = 2**20  # bytes after which earlier interruptions no longer count


class FetchProgress:
    """Records what has arrived, and how fast; ends a download that is no longer wanted or becomes too large."""

    STEP = 0.5  # seconds
    NEW = 0.3  # the share of the last step in the rate

    def __init__(self, image: Image) -> None:
        self.image, self.total, self.rate, self.forgotten = image, 0, 0.0, False

    def begin(self, start: int, total: int) -> None:
        """Note the size of the file, 0 if it is not known, and at which byte the transfer starts.

        Raises:
            Refused: The file is larger than the free space or the limit of the team.
        """
        self.start, self.total, self.last, self.at = start, total, start, time.monotonic()
        if total - start > spool.room():
            raise Refused(Message("image.server_full"))
        self._reserve(total)
        self.image.status.write(done_bytes=start, total_bytes=total, rate=0, progress=Message(FETCHING))

    def __call__(self, done: int) -> None:
        seconds = time.monotonic() - self.at
        if seconds < self.STEP:
            return
        now = (done - self.last) / seconds
        self.rate = self.NEW * now + (1 - self.NEW) * self.rate if self.rate else now
        self.last, self.at = done, time.monotonic()
        self._check(done)
        self.image.status.write(done_bytes=done, rate=int(self.rate))
        if not self.forgotten and done - self.start > RETRIES_FORGOTTEN:
            self.forgotten = True
            self.image.status.write(tries=0)

    def end(self, done: int) -> None:
        self._check(done)
        self._reserve(done)
        self.image.status.write(done_bytes=done, total_bytes=done, rate=0)

    def _check(self, done: int) -> None:
        """Raise Superseded if the image is being deleted or another worker has taken over; Refused without room."""
        self.image.confirm()
        if not self.image.status.is_still_claimed():
            raise Superseded
        if spool.room() < 1:
            raise Refused(Message("image.server_full"))
        if not self.total and done > self.image.size:
            self._reserve(done + GIB)

    def _reserve(self, size: int) -> None:
        """Have the image count with this size, in bytes, within the limits of its team."""
        try:
            with self.image.kept_limits():
                self.image.size = size
                Image.objects.filter(pk=self.image.pk).update(size=size)
        except Exceeded as problem:
            raise Refused(Message("image.over_limit", size=size)) from problem
