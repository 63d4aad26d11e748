"""The form that changes an end date."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from virterweb.people import rights

from .ending import Ending

EXAMPLE = "for example 2026-12-24 18:00"


class Moment(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class EndField(forms.DateTimeField):
    widget = Moment

    def __init__(self, **kwargs: object) -> None:
        invalid = {"invalid": f"Enter a date and a time, {EXAMPLE}."}
        super().__init__(label="End date", required=False, error_messages=invalid, **kwargs)


def add_end(form: forms.Form) -> None:
    """Let a form that creates objects choose their end date, if one of the teams that it offers has such rules."""
    if form.has_ends:
        form.fields["ends_at"] = EndField(help_text="Empty: the default of the team.")


def choose_end(form: forms.Form, thing: Ending, by: rights.Actor) -> None:
    """Set the chosen end date of a new object, which is unsaved; add an error to the form if the team forbids it."""
    if not (until := form.cleaned_data.get("ends_at")):
        return
    if problem := thing.first_end_problem(until, by):
        form.add_error("ends_at", str(problem))
    else:
        thing.ends_at, thing.end_chosen_at = until, timezone.now()


class EndForm(forms.Form):
    """The end date; empty removes it, if the user may. Commands use `days`, counted from now."""

    until = EndField()
    days = forms.IntegerField(required=False, min_value=1, max_value=3650, widget=forms.HiddenInput)

    def __init__(self, *args: object, thing: Ending, by: rights.Actor, **kwargs: object) -> None:
        kwargs.setdefault("initial", {"until": thing.ends_at})
        super().__init__(*args, **kwargs)
        self.thing, self.by, self.label_suffix = thing, by, ""
        latest = thing.end_rules.latest(timezone.now())
        bound = latest and not rights.is_operator(by, thing.hypervisor_id)
        self.fields["until"].help_text = (
            f"Not later than {timezone.localtime(latest):%Y-%m-%d %H:%M}." if bound else "Empty: no end date."
        )

    def clean(self) -> None:
        if self.errors:
            return
        if days := self.cleaned_data["days"]:
            self.cleaned_data["until"] = timezone.now() + timedelta(days=days)
        if problem := self.thing.end_problem(self.cleaned_data["until"], self.by):
            self.add_error("days" if days else "until", str(problem))

    def save(self) -> None:
        self.thing.set_end(self.cleaned_data["until"], self.by)
