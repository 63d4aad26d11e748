"""The way to a provider and back."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from allauth.account.decorators import reauthentication_required
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

from .. import limits
from .adapter import OAuth2Adapter

UNKNOWN = "This address belongs to no service with which you can sign in."


def of_provider(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Limit the attempts of an address, and say so if the provider is not known or does not answer."""

    @wraps(view)
    def run(request: HttpRequest, provider_id: str) -> HttpResponse:
        if not ratelimit.consume(request, app="allauth.account", action="provider", limit_get=True):
            limits.note(request, "refused", "", f"{provider_id!a}: too many attempts")
            return ratelimit.respond_429(request)
        try:
            return view(request, OAuth2Adapter(request, provider_id))
        except SocialApp.DoesNotExist:
            messages.error(request, UNKNOWN)
        except (RequestException, OAuth2Error, KeyError, ValueError) as error:
            limits.note(request, "failed", "", f"{provider_id!a}: {str(error)!a}")
            messages.error(request, "The service with which you want to sign in does not answer as it should.")
        except ImmediateHttpResponse as answer:
            return answer.response
        return redirect("account_login")

    return login_not_required(never_cache(run))


@require_safe
@of_provider
def begin(request: HttpRequest, adapter: OAuth2Adapter) -> HttpResponse:
    """Send the browser to a provider: by a link, because the portal's pages may send no form to another site."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(get_next_redirect_url(request) or reverse("portal:overview"))
    provider = get_adapter().get_provider(request, adapter.provider_id)
    return provider.redirect(request, AuthProcess.LOGIN, next_url=get_next_redirect_url(request))


def only_by_form(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse links, also those that a sign-in or confirmation leads on to: other sites may have made them.

    Somebody may be signed in at the provider by an account of others.
    """

    @wraps(view)
    def run(request: HttpRequest, **values: str) -> HttpResponse:
        if request.method == "POST":
            return view(request, **values)
        messages.error(request, "To connect an account, choose it here.")
        return redirect("socialaccount_connections")

    return run


@only_by_form
@reauthentication_required(app="allauth.socialaccount")
@of_provider
def connect(request: HttpRequest, adapter: OAuth2Adapter) -> HttpResponse:
    """Lead a signed-in user to a provider, whose account is connected when the browser comes back.

    The answer is a page that goes on by itself: browsers follow no redirect of a form to another site.
    """
    provider = get_adapter().get_provider(request, adapter.provider_id)
    address = provider.redirect(request, AuthProcess.CONNECT)["Location"]
    return render(request, "people/profile/connect.html", {"address": address, "name": provider.configured.name})


@require_safe
@of_provider
def callback(request: HttpRequest, adapter: OAuth2Adapter) -> HttpResponse:
    """Take what the provider says about who signs in."""
    provider = get_adapter().get_provider(request, adapter.provider_id)
    if request.GET.get("iss", provider.configured.issuer) != provider.configured.issuer:  # RFC 9207
        raise OAuth2Error("the answer is that of another issuer")
    answer = OAuth2CallbackView.adapter_view(adapter)(request)
    return answer if answer.status_code < HTTPStatus.BAD_REQUEST else redirect("account_login")
