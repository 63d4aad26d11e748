"""The form that makes a token."""

from collections.abc import Sequence
from datetime import timedelta

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from virterweb.people import rights
from virterweb.people.models import Token
from virterweb.people.verbs import ALLOWS, VIEWER, Verb

LASTING = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "until it is deleted"))


class Choices(forms.ModelMultipleChoiceField):
    """A choice of rows by their IDs; a number that no database can hold is no choice."""

    widget = forms.CheckboxSelectMultiple

    def clean(self, value: Sequence[str] | None) -> QuerySet:
        for each in value or ():
            if not (str(each).isdecimal() and len(str(each)) < 19):
                raise forms.ValidationError(self.error_messages["invalid_choice"], params={"value": each})
        return super().clean(value)


class TokenForm(forms.Form):
    """Name, verbs, hypervisors, teams and end of a new token of a user."""

    name = forms.CharField(max_length=60, help_text="what uses it, for example: inventory of the build server")
    verbs = forms.MultipleChoiceField(
        label="Allows to",
        choices=[(verb.value, text) for verb, text in ALLOWS.items()],
        initial=sorted(VIEWER),
        widget=forms.CheckboxSelectMultiple,
        help_text="as far as you may do it yourself when the token is used",
    )
    hypervisors = Choices(None, required=False, help_text="none chosen: all, also those that are added later")
    teams = Choices(
        None,
        required=False,
        help_text="none chosen: everything that you may see, also of teams that you join later",
    )
    lasts = forms.ChoiceField(label="Valid for", choices=LASTING, required=False, initial="90")

    def __init__(self, *args, user: AbstractBaseUser, **options) -> None:
        super().__init__(*args, **options)
        self.label_suffix, self.user = "", user
        access, teams = rights.access_of(user), rights.visible_teams(user)
        self.fields["hypervisors"].queryset = rights.visible_hypervisors(user)
        self.fields["teams"].queryset = teams if access.everything else teams.filter(pk__in=access.teams(Verb.LIST))
        for name in ("hypervisors", "teams"):  # a single one is offered too: there may be more later
            if not self.fields[name].queryset.exists():
                del self.fields[name]

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if self.user.tokens.filter(name=name).exists():
            raise forms.ValidationError(f"You already have a token {name}.")
        return name

    def save(self) -> tuple[Token, str]:
        """Return the new token with its secret."""
        data = self.cleaned_data
        days = int(data["lasts"]) if data["lasts"] else None
        ends_at = timezone.now() + timedelta(days=days) if days else None
        token = Token(user=self.user, name=data["name"], verbs=data["verbs"], ends_at=ends_at)
        secret = token.make_secret()
        token.save()
        token.hypervisors.set(data.get("hypervisors", ()))
        token.teams.set(data.get("teams", ()))
        return token, secret
