"""The Django admin of teams and roles, for superusers."""

from collections.abc import Sequence

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import CharField, Count, Field, Model, QuerySet
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from virterweb.hypervisors.admin import RecordedAdmin, VisibleUserAdmin, validate_visible

from .models import Grant, GroupRole, Membership, Role, Team
from .sharing.leaving import hand_over_everything
from .verbs import ALLOWS, ROLES, Verb


class ForSuperusers:
    """Base of admins and inlines that only superusers see: operators of hypervisors do not decide about people."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **options: object) -> FormField | None:
        """Refuse invisible characters in names, because pages show them."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(db_field, CharField) and field is not None:
            field.validators.append(validate_visible)
        return field


class MembershipInline(ForSuperusers, admin.TabularInline):
    model = Membership
    verbose_name, verbose_name_plural = "member", "members"
    fields = ("user", "role", "through")
    readonly_fields = ("through",)
    autocomplete_fields = ("user",)
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("group", "user", "role")

    @admin.display(description="through the group")
    def through(self, membership: Membership) -> str:
        return membership.group.group if membership.group else ""


class GroupRoleInline(ForSuperusers, admin.TabularInline):
    model = GroupRole
    verbose_name, verbose_name_plural = "group of the identity provider", "groups of the identity provider"
    fields = ("group", "role")
    extra = 0


class GrantFormSet(forms.BaseInlineFormSet):
    """The grants of a team, at most one of them for all hypervisors."""

    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if sum(each.get("hypervisor", "") is None for each in kept) > 1:
            raise ValidationError("Only one grant of a team can be for all hypervisors.")


class GrantInline(ForSuperusers, admin.StackedInline):
    model = Grant
    formset = GrantFormSet
    extra = 0
    fieldsets = (
        (None, {"fields": (("hypervisor", "role"),)}),
        (
            "Networks, bridges, devices and pools",
            {
                "fields": (("blocks", "pools"), ("networks", "bridges", "devices")),
                "description": "Operators of the hypervisor are not bound by these.",
            },
        ),
        (
            "Quotas",
            {
                "fields": (
                    ("max_vms", "max_vcpus", "max_memory", "max_disk"),
                    ("max_networks", "max_reservations"),
                ),
                "description": "The most that all objects of the team on the hypervisor may use together; "
                "empty: no limit.",
            },
        ),
    )

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **options: object) -> FormField | None:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(field.widget, forms.Textarea):
            field.widget.attrs |= {"rows": 4, "cols": 30, "spellcheck": "false"}
        return field


@admin.register(Team)
class TeamAdmin(ForSuperusers, RecordedAdmin):
    """Teams with their members and grants."""

    list_display = ("name", "role_of_all", "member_count", "grants_shown")
    search_fields = ("name", "memberships__user__username", "groups__group")
    list_select_related = ("role_of_all",)
    inlines = (MembershipInline, GroupRoleInline, GrantInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        found = super().get_queryset(request).prefetch_related("grants__hypervisor", "grants__role")
        return found.annotate(members=Count("memberships", distinct=True))

    @admin.display(description="listed members", ordering="members")
    def member_count(self, team: Team) -> int:
        return team.members

    @admin.display(description="grants")
    def grants_shown(self, team: Team) -> str:
        places = (str(grant.hypervisor or "all hypervisors") for grant in team.grants.all())
        return ", ".join(places)


class RoleForm(forms.ModelForm):
    """A role whose verbs are checkboxes."""

    verbs = forms.MultipleChoiceField(
        label="What it allows",
        required=False,
        choices=[(verb.value, capfirst(text)) for verb, text in ALLOWS.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="Without the first, an object does not exist for members with this role.",
    )

    class Meta:
        model = Role
        fields = ("name", "verbs")

    def clean_verbs(self) -> list[str]:
        """Return the codes that are ticked, and those of another version, which have no checkbox."""
        unknown = [code for code in self.instance.verbs if code not in Verb.values]
        return sorted([*self.cleaned_data["verbs"], *unknown])


@admin.register(Role)
class RoleAdmin(ForSuperusers, RecordedAdmin):
    """Roles. Those of a new installation keep their names; one that is in use cannot be deleted."""

    form = RoleForm
    fields = ("name", "verbs")
    list_display = ("name", "verbs_shown")
    search_fields = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Role | None = None) -> Sequence[str]:
        return ("name",) if obj and obj.name in ROLES else ()

    @admin.display(description="what it allows")
    def verbs_shown(self, role: Role) -> str:
        return ", ".join(verb.label for verb in Verb if verb in role.allowed)


class LeavingUserAdmin(VisibleUserAdmin):
    """Base of the admin of users, whose networks, VMs and images superusers hand over before they leave."""

    actions = ("hand_over_everything",)

    def get_actions(self, request: HttpRequest) -> dict[str, tuple]:
        found = super().get_actions(request)
        if not request.user.is_superuser:
            found.pop("hand_over_everything", None)
        return found

    @admin.action(description="Hand over everything to another user")
    def hand_over_everything(self, request: HttpRequest, users: QuerySet) -> HttpResponse | None:
        return hand_over_everything(self, request, users)
