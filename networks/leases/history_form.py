"""The query of the lease history, as a form that the URL fills in."""

from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.http import urlencode

from networks.addresses.lease_names import readable
from networks.addresses.query import Question
from networks.models import LeaseQuerySet
from virterweb.people import rights


class Moment(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class HistoryForm(forms.Form):
    """`?q=10.255.0.207&since=2026-11-24T22:00&until=2026-11-25T06:00`: all may be left out."""

    q = forms.CharField(label="IP, block, MAC, host name or VM", required=False, max_length=100)
    since = forms.DateTimeField(label="From", required=False, widget=Moment)
    until = forms.DateTimeField(label="To", required=False, widget=Moment)

    def clean(self) -> dict:
        data = super().clean()
        since, until = data.get("since"), data.get("until")
        if since and until and until < since:
            self.add_error("until", "The end is before the beginning.")
        return data

    @property
    def periods(self) -> list[tuple[str, str]]:
        """Return common periods in the viewer's time zone, each with its part of the URL."""
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        periods = {"Today": (0, 1), "Yesterday": (1, 1), "Last 7 days": (6, 7)}  # the first day, days ago, and how many
        found = []
        for label, (ago, days) in periods.items():
            first = today - timedelta(days=ago)
            ends = {"since": first, "until": first + timedelta(days=days)}
            found.append((label, urlencode({name: f"{end:%Y-%m-%dT%H:%M}" for name, end in ends.items()})))
        return found

    @property
    def is_filled_in(self) -> bool:
        """Return whether any field is filled in; otherwise, the page shows the current leases."""
        return any(self.cleaned_data.get(name) for name in self.fields)

    @property
    def of_the_past(self) -> bool:
        """Return whether a time is filled in."""
        return bool(self.cleaned_data.get("since") or self.cleaned_data.get("until"))

    def among(self, leases: LeaseQuerySet, user: rights.Actor = None) -> LeaseQuerySet:
        """Return the leases that match: held at any moment between the two times, the latest first.

        A start alone means from then until now, an end alone that moment.
        """
        question, since, until = (self.cleaned_data.get(name) for name in ("q", "since", "until"))
        if question:
            leases = leases.filter(Question(text=question.strip()).leases(readable(user)))
        if since or until:
            leases = leases.between(since or until, until or timezone.now())
        return leases.order_by("-first_seen", "-pk")
