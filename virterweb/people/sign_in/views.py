"""Pages of sign-in and of the own account. allauth's views get the portal's templates, forms and HTTP statuses."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from allauth.account import views as account
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.generic import View

from virterweb.activity import sign_ins
from virterweb.people.profile.preferences import PreferencesForm, preferences_of

from . import invitations
from .forms import PasswordChangeForm, PasswordConfirmationForm, SignInForm, status_of

FORMS = ("form", "webauthn_form")  # in the contexts of allauth's views
NO_PASSWORD = "Your account has no password here, because you sign in with another service."


def served(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Give a form with errors, which allauth shows again with the status 200, the status that says so."""

    @wraps(view)
    def run(request: HttpRequest, *args: object, **values: object) -> HttpResponse:
        answer = view(request, *args, **values)
        if request.method == "POST" and answer.status_code == HTTPStatus.OK:
            context = getattr(answer, "context_data", None) or {}
            answer.status_code = status_of([context[name] for name in FORMS if context.get(name)])
        return answer

    return run


def page(view: type[View], template: str, **options: object) -> Callable[..., HttpResponse]:
    """Return a view of allauth with a template of the portal."""
    return served(view.as_view(template_name=f"people/{template}.html", **options))


class SignIn(account.LoginView):
    def get_context_data(self, **values: object) -> dict:
        return super().get_context_data(**values) | {"providers": settings.OIDC_PROVIDERS.values()}


sign_in = page(SignIn, "sign_in/sign_in", form_class=SignInForm)
confirm_password = page(account.ReauthenticateView, "sign_in/confirm", form_class=PasswordConfirmationForm)
sign_out = login_not_required(require_POST(account.LogoutView.as_view()))
_change_password = page(account.PasswordChangeView, "profile/password", form_class=PasswordChangeForm)


def change_password(request: HttpRequest) -> HttpResponse:
    if not request.user.has_usable_password():
        raise PermissionDenied(NO_PASSWORD)
    return _change_password(request)


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show who is signed in, change the preferences, and link to the rights and to what else can be changed."""
    form = PreferencesForm(request.POST or None, instance=preferences_of(request.user))
    if form.is_valid():
        form.save()
        messages.success(request, "Preferences saved.")
        return redirect("profile")
    context = {"has_providers": bool(settings.OIDC_PROVIDERS), "form": form}
    return render(request, "people/profile/profile.html", context, status=status_of([form]))


class Invitation(PasswordResetConfirmView):
    """Set the first password by a link, whose token is then kept in the session instead of the address."""

    token_generator = invitations.tokens
    template_name = "people/sign_in/invitation.html"
    success_url = reverse_lazy("account_login")

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        messages.success(self.request, "Password set. Sign in with it now.")
        with transaction.atomic():
            sign_ins.invitation_used(self.request, self.user)
            return super().form_valid(form)


invitation = served(Invitation.as_view())


@login_not_required
@require_safe
def inactive(request: HttpRequest) -> HttpResponse:
    """Say that an account was deactivated, to those who prove by other means than a password that it is theirs."""
    return render(request, "people/sign_in/inactive.html")
