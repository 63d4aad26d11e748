"""Accounts at providers with which a user can sign in: list, connect and remove them."""

from allauth.account.decorators import reauthentication_required
from allauth.socialaccount.internal.flows import connect
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from virterweb.activity.sign_ins import account_removed

from . import groups
from .oidc.adapter import name_of

ONLY_WAY = (
    "You cannot remove this account, because you have no other way to sign in. Set a password or connect another "
    "account first."
)


def own(request: HttpRequest) -> list[SocialAccount]:
    """Return the accounts of the user at configured providers, with `configured`, the provider, and `name`."""
    found = list(SocialAccount.objects.filter(user=request.user, provider__in=list(settings.OIDC_PROVIDERS)))
    for account in found:
        account.configured, account.name = settings.OIDC_PROVIDERS[account.provider], name_of(account)
    return found


def remove(request: HttpRequest, chosen: str) -> None:
    """Remove an account by its ID, unless the user could no longer sign in without it."""
    account = next((each for each in own(request) if str(each.pk) == chosen), None)
    if account is None:
        raise Http404
    if not has_other_way(account):
        messages.error(request, ONLY_WAY)
        return
    with transaction.atomic():
        account_removed(request.user, account.provider, account.name)
        groups.take_away(request.user, account.provider)
        connect.disconnect(request, account)


def has_other_way(account: SocialAccount) -> bool:
    """Return whether its user can sign in without it, by a password or an account at a configured service."""
    services = [*settings.OIDC_PROVIDERS, *([groups.LDAP] if settings.LDAP_FILE else [])]
    others = SocialAccount.objects.filter(user=account.user_id, provider__in=services).exclude(pk=account.pk)
    return account.user.has_usable_password() or others.exists()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required(allow_get=True, app="allauth.socialaccount")
def connections(request: HttpRequest) -> HttpResponse:
    """List the accounts of the user and the providers that have none yet; POST removes an account."""
    if request.method == "POST":
        remove(request, request.POST.get("account", ""))
        return redirect("socialaccount_connections")
    accounts = own(request)
    connected = {each.provider for each in accounts}
    others = [each for key, each in settings.OIDC_PROVIDERS.items() if key not in connected]
    return render(request, "people/profile/accounts.html", {"accounts": accounts, "others": others})
