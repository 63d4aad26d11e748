"""The progress of long steps of an image, as its status records it."""

from datetime import timedelta

from django.utils import timezone

from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from virterweb.web_server import spool
from vms.models import ImageStatus


class Progress:
    """Records the progress of a long step; Refused if the spool folder is full."""

    STEP = 0.5  # seconds

    def __init__(self, status: ImageStatus, doing: str, *, spooled: bool = False) -> None:
        self.status, self.doing, self.spooled, self.next = status, doing, spooled, timezone.now()

    def __call__(self, done: int) -> None:
        now = timezone.now()
        if now >= self.next or done == self.status.desired.size:
            self.next = now + timedelta(seconds=self.STEP)
            if self.spooled and spool.room() < 1:
                raise Refused(Message("image.server_full"))
            self.status.write(sent=done, progress=Message(self.doing))
