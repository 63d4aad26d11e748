"""Users and their groups in the admin, for superusers."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Field, ManyToManyField, QuerySet
from django.forms import BaseInlineFormSet, CheckboxSelectMultiple, ModelForm, ModelMultipleChoiceField
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse

from virterweb.people.sharing.leaving import hand_over_everything
from virterweb.people.sign_in import groups, invitations

from .access import ForSuperusers, Page, Rows
from .recorded import Recorded, VisibleNames
from .site import site


class Permissions:
    """Offers the one permission that has a meaning: “Can operate hypervisors”."""

    def formfield_for_manytomany(
        self, db_field: ManyToManyField, request: HttpRequest, **options: object
    ) -> ModelMultipleChoiceField | None:
        if db_field.related_model is not Permission:
            return super().formfield_for_manytomany(db_field, request, **options)
        known = Permission.objects.filter(content_type__app_label="hypervisors", codename="operate")
        return OnePermission(known, widget=CheckboxSelectMultiple, required=False, label="Permissions")


class OnePermission(ModelMultipleChoiceField):
    def label_from_instance(self, permission: Permission) -> str:
        return f"{permission.name}: operator of all hypervisors"


class OfUser(ForSuperusers, Rows):
    """Base of the means of sign-in of a user, which can only be deleted."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class SecondFactors(OfUser):
    model = Authenticator
    verbose_name_plural = "second factors"
    fields = readonly_fields = ("type", "created_at", "last_used_at")  # without the secret


class Accounts(OfUser):
    model = SocialAccount
    verbose_name_plural = "accounts at identity providers"
    fields = readonly_fields = ("provider", "uid", "last_login")


@admin.register(User, site=site)
class UserAdmin(Permissions, ForSuperusers, VisibleNames, Recorded, Page, DjangoUserAdmin):
    list_display = ("username", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    actions = ("invite", "hand_over_everything")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": (("first_name", "last_name"), "email")}),
        (
            "Rights",
            {
                "fields": ("is_active", "is_superuser", "user_permissions", "groups"),
                "description": "Teams and their grants decide what a user may do with networks and VMs.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    inlines = (SecondFactors, Accounts)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> tuple[type[OfUser], ...]:
        """Leave out what the user does not have."""
        has = {SecondFactors: "authenticator_set", Accounts: "socialaccount_set"}
        return tuple(each for each in self.inlines if obj and getattr(obj, has[each]).exists())

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **options: object) -> FormField | None:
        field = super().formfield_for_dbfield(db_field, request, **options)
        helps = {
            "is_superuser": "Superusers manage users, teams, roles and hypervisors, and may do everything.",
            "is_active": "Inactive users cannot sign in, and their tokens are not valid. Deactivate users instead of "
            "deleting them.",
            "groups": "Groups of a directory or identity provider, and groups with permissions.",
        }
        if field is not None and db_field.name in helps:
            field.help_text = helps[db_field.name]
        return field

    def save_formset(self, request: HttpRequest, form: ModelForm, formset: BaseInlineFormSet, change: bool) -> None:
        """Delete what was chosen; the groups and teams that an account gave go with it."""
        super().save_formset(request, form, formset, change)
        for account in formset.deleted_objects:
            if isinstance(account, SocialAccount):
                groups.take_away(form.instance, account.provider)

    @admin.action(description="Create invitation links", permissions=["change"])
    def invite(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Show a link for each of the users, by which that user sets the password."""
        for user in users:
            if not invitations.is_open(user):
                said = f"User {user} has a password already, or is deactivated. No link was created."
                self.message_user(request, said, messages.WARNING)
            else:
                found = request.build_absolute_uri(invitations.link(user, request.user.get_username()))
                self.message_user(
                    request, f"The link for {user} is {found}. It is valid for 7 days, until the password is set."
                )

    @admin.action(description="Hand over everything to another user", permissions=["change"])
    def hand_over_everything(self, request: HttpRequest, users: QuerySet[User]) -> HttpResponse | None:
        return hand_over_everything(self, request, users)


@admin.register(Group, site=site)
class GroupAdmin(Permissions, ForSuperusers, VisibleNames, Recorded, Page, DjangoGroupAdmin):
    list_display = ("name", "operates")
    filter_horizontal = ()

    @admin.display(boolean=True, description="operates all hypervisors")
    def operates(self, group: Group) -> bool:
        return group.permissions.filter(content_type__app_label="hypervisors", codename="operate").exists()
