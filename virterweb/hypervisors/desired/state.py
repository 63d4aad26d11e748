"""The states of an object, with the mark and the colour that pages show."""

from django.db import models


class State(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    DRIFTED = "drifted"
    FAILED = "failed"
    REMOVING = "removing"
    UNMANAGED = "unmanaged"

    @property
    def icon(self) -> str:
        return STATE_MARKS[self][0]

    @property
    def tone(self) -> str:
        """Return the class of the stylesheet for its colour."""
        return STATE_MARKS[self][1]

    @property
    def words(self) -> str:
        return self.label.lower()


STATE_MARKS = {
    State.PENDING: ("clock", "pending"),
    State.READY: ("check-circle", "ready"),
    State.DRIFTED: ("arrows-right-left", "drifted"),
    State.FAILED: ("exclamation-circle", "failed"),
    State.REMOVING: ("clock", "pending"),
    State.UNMANAGED: ("eye", "quiet"),
}
