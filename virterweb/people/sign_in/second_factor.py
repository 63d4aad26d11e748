"""Second factors: authenticator apps, recovery codes and passkeys, by allauth.mfa."""

from collections.abc import Callable
from http import HTTPStatus

from allauth.core import context
from allauth.mfa.base import views as base
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn import forms as webauthn_forms
from allauth.mfa.webauthn import views as webauthn
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy

from virterweb.activity import sign_ins

from . import limits
from .adapter import RECENT
from .forms import status_of, without_placeholders
from .sessions import age
from .views import page, served

CODE_HELP = "The code that your authenticator app shows, or one of your recovery codes."
NO_PASSWORD = (
    "Your account has no password in the portal with which you could confirm your identity. Sign out and sign in again "
    "with the other service, then repeat this within 5 minutes."
)
WRONG_PASSKEY = "The passkey is not the right one, or it was asked for too long ago. Try again."
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
SETTINGS = reverse_lazy("mfa_index")


class NotedFailures:
    """Logs a wrong code or passkey like a wrong password."""

    def clean(self) -> dict:
        data = super().clean()
        if self.errors:
            name = self.user.get_username() if self.user else ""
            result = "refused" if status_of([self]) == HTTPStatus.TOO_MANY_REQUESTS else "failed"
            limits.note(context.request, result, name, "second factor")
            if self.user:  # without a user, anybody could fill the log by trying passkeys
                note = sign_ins.locked_out if result == "refused" else sign_ins.factor_refused
                note(name, context.request)
        return data


class ForPasskey(NotedFailures):
    """Takes whatever is sent for a passkey that is not right; allauth fails for a part that is missing."""

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except MALFORMED as error:
            raise ValidationError(WRONG_PASSKEY) from error


class ForCode(NotedFailures):
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["code"].help_text = CODE_HELP
        self.fields["code"].widget.attrs |= {"autofocus": True, "inputmode": "numeric"}
        without_placeholders(self)


class CodeForm(ForCode, AuthenticateForm):
    """A code after the password."""


class CodeConfirmationForm(ForCode, ReauthenticateForm):
    """A code before a setting of the account is changed."""


class AuthenticatorAppForm(ActivateTOTPForm):
    """The first code of a new authenticator app."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["code"].label = "Code"
        self.fields["code"].help_text = "The code that the app shows for this account now."
        without_placeholders(self)


class NewPasskeyForm(webauthn_forms.AddWebAuthnForm):
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["name"].help_text = "By which you recognise it, for example “phone”."
        self.fields["passwordless"].label = "Sign in with this passkey alone"
        self.fields["passwordless"].help_text = "Otherwise it is asked for after the password."

    def clean(self) -> dict:
        try:
            return super().clean()
        except MALFORMED as error:
            raise ValidationError(WRONG_PASSKEY) from error


class PasskeySignInForm(ForPasskey, webauthn_forms.LoginWebAuthnForm):
    """A passkey in place of user name and password."""


class PasskeyForm(ForPasskey, webauthn_forms.AuthenticateWebAuthnForm):
    """A passkey after the password."""


class PasskeyConfirmationForm(ForPasskey, webauthn_forms.ReauthenticateWebAuthnForm):
    """A passkey before a setting of the account is changed."""


def for_password_users(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse users who cannot confirm their identity: without a password and second factor, just after sign-in only."""

    def run(request: HttpRequest, **values: object) -> HttpResponse:
        own = Authenticator.objects.filter(user=request.user)
        can_confirm = request.user.has_usable_password() or age.has_just_begun(request.session, RECENT)
        if not can_confirm and not own.exists():
            raise PermissionDenied(NO_PASSWORD)
        return view(request, **values)

    return run


def second(view: type, template: str, **options: object) -> Callable[..., HttpResponse]:
    return page(view, f"second_factor/{template}", **options)


overview = second(base.IndexView, "overview")
enter_code = login_not_required(
    second(base.AuthenticateView, "enter", form_class=CodeForm, webauthn_form_class=PasskeyForm)
)
confirm_code = page(base.ReauthenticateView, "sign_in/confirm", form_class=CodeConfirmationForm)
confirm_passkey = second(webauthn.ReauthenticateWebAuthnView, "confirm_passkey", form_class=PasskeyConfirmationForm)
sign_in_by_passkey = login_not_required(served(webauthn.LoginWebAuthnView.as_view(form_class=PasskeySignInForm)))
add_app = for_password_users(second(totp.ActivateTOTPView, "add_app", form_class=AuthenticatorAppForm))
remove_app = second(totp.DeactivateTOTPView, "remove_app")
recovery_codes = second(recovery.ViewRecoveryCodesView, "recovery_codes")
new_recovery_codes = second(recovery.GenerateRecoveryCodesView, "new_recovery_codes")
add_passkey = for_password_users(second(webauthn.AddWebAuthnView, "add_passkey", form_class=NewPasskeyForm))
remove_passkey = second(webauthn.RemoveWebAuthnView, "remove_passkey", success_url=SETTINGS)
