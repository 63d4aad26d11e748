"""Users are invited in the admin, and lost second factors deleted. The rest of allauth is left out of it."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from virterweb.people.admin import LeavingUserAdmin

from . import invitations

for model in (EmailAddress, UserSession, SocialApp, SocialToken, SocialAccount, Authenticator, User):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(LeavingUserAdmin):
    actions = ("invite", *LeavingUserAdmin.actions)

    @admin.action(description="Create invitation links", permissions=["change"])
    def invite(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Show a link for each of the users, by which that user sets the password."""
        for user in users:
            if not invitations.is_open(user):
                said = f"User {user} has a password already, or is deactivated."
                self.message_user(request, said, messages.WARNING)
            elif user.is_superuser and not request.user.is_superuser:
                self.message_user(request, f"Only superusers may invite {user}, a superuser.", messages.ERROR)
            else:
                found = request.build_absolute_uri(invitations.link(user, request.user.get_username()))
                self.message_user(
                    request, f"The link for {user} is {found}. It is valid for 7 days, until the password is set."
                )


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin):
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__username",)
    fields = readonly_fields = list_display  # without the secret

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, found: Authenticator | None = None) -> bool:
        return False


@admin.register(SocialAccount)
class ServiceAccountAdmin(admin.ModelAdmin):
    list_display = ("user", "provider", "uid", "last_login")
    list_filter = ("provider",)
    search_fields = ("user__username", "uid")
    fields = readonly_fields = (*list_display, "extra_data")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, found: SocialAccount | None = None) -> bool:
        return False
