"""What users choose for themselves: the time zone and the theme of pages."""

from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from virterweb.people.models import Preferences, Theme

from .back import back


def preferences_of(user: AbstractBaseUser | AnonymousUser) -> Preferences:
    """Return what a user has chosen; those who have chosen nothing get a row that is not saved."""
    return getattr(user, "preferences", None) or Preferences(user_id=user.pk)


class PreferencesForm(forms.ModelForm):
    """The time zone, by its name or as in the browser, and the theme."""

    class Meta:
        model = Preferences
        fields = ("time_zone", "theme")
        labels = {"time_zone": "Time zone"}
        help_texts = {"time_zone": "Pages show times in this zone, in every browser. Empty: the zone of the browser."}
        widgets = {
            "time_zone": forms.TextInput({"list": "time-zones", "placeholder": "Same as the browser"}),
            "theme": forms.Select,
        }

    time_zones = sorted(available_timezones())

    def clean_time_zone(self) -> str:
        """Return the name as the database writes it, however it was typed."""
        name = self.cleaned_data["time_zone"].strip().replace(" ", "_")
        known = {each.casefold(): each for each in self.time_zones}
        if name and name.casefold() not in known:
            raise forms.ValidationError("There is no time zone of this name. Choose one of the list, as Europe/Berlin.")
        return known[name.casefold()] if name else ""


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Save the theme of the user, and return to the page."""
    chosen = request.POST.get("theme", "")
    if chosen in Theme.values:
        Preferences.objects.update_or_create(user=request.user, defaults={"theme": chosen})
    return back(request, "profile")
