"""Sign-in to portal and admin: too many failures block further attempts for a time, and are logged."""

import json
import logging
from datetime import timedelta

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from .models import WINDOW, SignInAttempt

log = logging.getLogger(__name__)

MINUTES = int(WINDOW.total_seconds() // 60)
THROTTLED = "throttled"
KNOWN = "virterweb-known"  # cookie: the user who has signed in with this browser
YEAR = timedelta(days=365)


class SignInForm(AuthenticationForm):
    """Django's form with a limit of failures by user name and address. fail2ban can read its log lines."""

    def clean(self) -> dict:
        name, address = self.cleaned_data.get("username"), self.request.META.get("REMOTE_ADDR", "")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        known = self.request.get_signed_cookie(KNOWN, default="", salt=KNOWN) == name.lower()
        attempt = SignInAttempt.begin(name, address, known=known)
        if attempt is None:
            log.warning("sign-in refused from %s for %s: too many failures", address, json.dumps(name))
            said = f"Too many sign-in attempts have failed. Wait {MINUTES} minutes, then try again."
            raise ValidationError(said, code=THROTTLED)
        try:
            data = super().clean()
        except ValidationError:
            log.warning("sign-in failed from %s for %s", address, json.dumps(name))
            raise
        attempt.succeeded()
        return data


class AdminSignInForm(SignInForm, AdminAuthenticationForm):
    """The sign-in form of the admin."""


def refused_as(form: SignInForm) -> int:
    """Return the HTTP status of the answer to a failed sign-in."""
    return 429 if form.has_error("__all__", THROTTLED) else 422


@login_not_required
def admin_sign_in(request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
    """Serve the sign-in page of the admin, with the HTTP status of `refused_as`."""
    answer = AdminSite.login(admin.site, request, extra_context)
    form = answer.context_data["form"] if isinstance(answer, TemplateResponse) else None
    if form and form.errors:
        answer.status_code = refused_as(form)
    return answer


class SignIn(LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:
        answer = super().form_valid(form)
        options = {"max_age": YEAR, "httponly": True, "samesite": "Lax", "secure": settings.SESSION_COOKIE_SECURE}
        answer.set_signed_cookie(KNOWN, form.get_user().get_username().lower(), salt=KNOWN, **options)
        return answer

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        answer = super().form_invalid(form)
        answer.status_code = refused_as(form)
        return answer
