"""What allauth asks the portal: how often a sign-in may be tried, who gets an account, and what is said."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from . import groups, limits
from .sessions import age

WRONG_PASSWORD = "Please enter a correct username and password. Both are case-sensitive."
RECENT = 300  # seconds, as allauth's time limit of a confirmation
SAID = {
    "socialaccount/messages/account_connected.txt": "Account connected. You can sign in with it from now on.",
    "socialaccount/messages/account_connected_updated.txt": "This account is connected already.",
    "socialaccount/messages/account_connected_other.txt": "This account belongs to another user of the portal.",
    "socialaccount/messages/account_disconnected.txt": "Account removed. You can no longer sign in with it.",
    "account/messages/password_changed.txt": "Password changed. Your other sessions have ended.",
    "mfa/messages/totp_activated.txt": "Authenticator app added.",
    "mfa/messages/totp_deactivated.txt": "Authenticator app removed.",
    "mfa/messages/recovery_codes_generated.txt": "Recovery codes were created. Earlier ones are no longer valid.",
    "mfa/messages/webauthn_added.txt": "Passkey added.",
    "mfa/messages/webauthn_removed.txt": "Passkey removed.",
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": WRONG_PASSWORD,
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your current password.",
        "too_many_login_attempts": f"Too many codes were wrong. Wait {limits.MINUTES} minutes, then try again.",
        "rate_limited": "Too many attempts. Wait a few minutes, then try again.",
    }

    def validation_error(self, code: str, *args: object) -> ValidationError:
        """Give refused attempts the code that decides on the HTTP status."""
        error = super().validation_error(code, *args)
        if code in ("too_many_login_attempts", "rate_limited"):
            error.code = limits.THROTTLED
        return error

    def authenticate(self, request: HttpRequest, **credentials: str) -> AbstractUser | None:
        """Check a password, with the portal's own limits in place of allauth's."""
        name = credentials["username"]
        return limits.check_password(request, name, lambda: authenticate(request, **credentials))

    def login(self, request: HttpRequest, user: AbstractUser) -> None:
        user.backend = settings.AUTHENTICATION_BACKENDS[0]  # reads the user of a session, whoever checked the password
        super().login(request, user)
        age.begin(request.session)
        limits.note(request, "succeeded", user.get_username())

    def post_login(self, request: HttpRequest, user: AbstractUser, **options: object) -> HttpResponse:
        if service := (options.get("signal_kwargs") or {}).get("sociallogin"):
            said, source = service.account.extra_data, f"oidc:{service.account.provider}"
            groups.apply(user, source, set(said["reported"]), set(said["groups"]))
        answer = super().post_login(request, user, **options)
        limits.remember_browser(answer, user.get_username())
        return answer

    def is_reauthentication_required(self, *, app: str, **options: object) -> bool:
        """Return whether the user must confirm the identity; users without a password need not just after a sign-in."""
        request = context.request
        if not request.user.has_usable_password() and age.has_just_begun(request.session, RECENT):
            return False
        return super().is_reauthentication_required(app=app, **options)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the web server found; of a socket in the file system there is none."""
        return limits.address_of(request) or "0.0.0.0"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")

    def add_message(self, request: HttpRequest, level: int, message_template: str = "", *args, **options) -> None:
        """Say what was changed in the portal's own words; a sign-in is not announced."""
        if said := options.get("message") or SAID.get(message_template):
            messages.add_message(request, level, said)
