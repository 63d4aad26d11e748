"""Forms that share an object and hand it over."""

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.forms.widgets import TextInput

from virterweb.people import rights
from virterweb.people.known import Known
from virterweb.people.models import Share
from virterweb.people.owned import Belonging
from virterweb.people.verbs import Level

from .recipients import Recipient

NEITHER = "Enter a user or choose a team."


class ForUserOrTeam(forms.Form):
    """A form with a user, and with a team if there are several, as far as the user who fills it in may `know` them."""

    user = forms.CharField(label="User", required=False, max_length=150)

    def __init__(self, *args: object, known: Known, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix, self.known = "", known
        self.fields["user"].widget = TextInput(attrs={"list": "users", "autocomplete": "off", "spellcheck": "false"})
        if known.several:
            names = [("", "–"), *((key, team.name) for key, team in known.teams.items())]
            self.fields["team"] = forms.TypedChoiceField(
                label="Team", choices=names, required=False, coerce=known.teams.get, empty_value=None
            )
        else:
            self.fields["user"].required = True

    def clean_user(self) -> AbstractBaseUser | None:
        name = self.cleaned_data["user"]
        return self.known.named(name) if name else None


class ShareForm(ForUserOrTeam):
    """With whom an object is shared, and what they may do: nothing that the asking user may not do."""

    level = forms.ChoiceField(label="Level")

    def __init__(self, *args: object, thing: Belonging, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.thing, access = thing, rights.access_of(self.known.user)
        mine = [level for level in Level if all(access.allows(verb, thing) for verb in level.verbs)]
        self.fields["level"].choices = [(level.value, level.value.capitalize()) for level in mine]
        self.fields["level"].help_text = " ".join(f"{level.label}." for level in mine)
        self.fields["level"].initial = mine[0] if mine else None
        self.order_fields(["user", "team", "level"])

    def clean_user(self) -> AbstractBaseUser | None:
        user = super().clean_user()
        if user and user.pk == self.thing.owner_id:
            raise forms.ValidationError(f"{user} owns {self.thing}.")
        return user

    def clean(self) -> None:
        chosen = [self.cleaned_data.get(name) for name in ("user", "team")]
        if not self.errors and sum(map(bool, chosen)) != 1:
            raise forms.ValidationError("Choose either a user or a team." if all(chosen) else NEITHER)

    def save(self) -> Share:
        """Create the share, or change the level of the one that there is."""
        values = self.cleaned_data
        which = {"kind": self.thing._meta.model_name, "object_id": self.thing.pk}
        which |= {"user": values["user"], "team": values.get("team")}
        share, _ = Share.objects.update_or_create(**which, defaults={"level": values["level"], "by": self.known.user})
        return share


class HandOverForm(ForUserOrTeam):
    """The new owner and team of one object or of many; without a team, each keeps its own."""

    def __init__(self, *args: object, thing: Belonging | None = None, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.thing, self.fields["user"].label = thing, "New owner"
        if self.known.several:
            self.fields["user"].help_text = "A member of the team. Empty: only the team owns it."
            self.fields["team"].label = "New team"
            self.fields["team"].help_text = "Empty: the team stays the same."

    def clean(self) -> None:
        values = self.cleaned_data
        if self.errors:
            return
        if not values["user"] and not values.get("team"):
            raise forms.ValidationError(NEITHER)
        self.recipient = Recipient.of(values["user"], values.get("team"), self.known.user)
        if self.thing and (problem := self.recipient.problem(self.thing)):
            raise forms.ValidationError(str(problem))
