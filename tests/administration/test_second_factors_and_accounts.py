"""What a superuser takes from a user for the sign-in is in the activity log."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.urls import reverse
from lxml import html

from virterweb.activity.models import Entry
from virterweb.people.sign_in import groups

pytestmark = pytest.mark.integration


def send(page, user, **changed: str):
    """Send the form of a user as the page shows it, with some changes."""
    address = reverse("admin:auth_user_change", args=[user.pk])
    form = html.fromstring(page.get(address).content).xpath("//form[@id='user_form']")[0]
    return page.post(address, dict(form.form_values()) | changed)


def test_a_superuser_deletes_second_factors_and_accounts_and_the_log_says_whose(page_of, everybody):
    user = everybody["manager"]
    factor = Authenticator.objects.create(user=user, type="webauthn", data={"name": "phone"})
    account = SocialAccount.objects.create(user=user, provider="corp", uid="7", extra_data={"username": "mara"})
    Group.objects.create(name="given")
    groups.give(user, "oidc:corp", {"given"})
    sent = {"authenticator_set-2-DELETE": "on", "socialaccount_set-0-DELETE": "on"}
    assert send(page_of("superuser"), user, **sent).status_code == 302
    assert not Authenticator.objects.filter(pk=factor.pk).exists()
    assert not SocialAccount.objects.filter(pk=account.pk).exists()
    assert not user.groups.exists()
    entry = Entry.objects.get(event="edited")
    assert (entry.who, entry.name) == ("superuser", "manager")
    assert "authenticator phone deleted, social account manager deleted" in entry.what
