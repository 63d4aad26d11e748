"""The forms of sign-in."""

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from django.forms import BaseForm, Form

from .limits import THROTTLED


def without_placeholders(form: BaseForm) -> None:
    """Leave the label of a field to say what it is for."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


class SignInForm(LoginForm):
    """User name and password."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields = {"username": self.fields.pop("login"), **self.fields}
        self.fields["username"].widget.attrs |= {"autofocus": True, "autocapitalize": "none"}
        without_placeholders(self)

    def clean_username(self) -> str:
        name = self.cleaned_data["username"]
        self.cleaned_data["login"] = name  # as allauth calls it
        return name


class PasswordConfirmationForm(ReauthenticateForm):
    """The password once more, before a setting of the account is changed."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["password"].widget.attrs["autofocus"] = True
        without_placeholders(self)


class PasswordChangeForm(ChangePasswordForm):
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        labels = {"oldpassword": "Old password", "password1": "New password", "password2": "New password confirmation"}
        for name, label in labels.items():
            self.fields[name].label = label
        without_placeholders(self)


def status_of(forms: list[Form]) -> int:
    """Return the HTTP status of the answer to a form: 422 if it has errors, 429 after too many attempts."""
    errors = [error for form in forms for of_field in form.errors.as_data().values() for error in of_field]
    if any(error.code == THROTTLED for error in errors):
        return 429
    return 422 if errors else 200
