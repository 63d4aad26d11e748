"""Teams, their members and grants, and roles, in the admin."""

from collections.abc import Sequence

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst

from virterweb.people.models import Grant, GroupRole, Membership, Role, Team
from virterweb.people.verbs import ALLOWS, ROLES, Verb

from .access import ForSuperusers, Page, Rows
from .recorded import Recorded, VisibleNames
from .site import site


class MembershipInline(ForSuperusers, VisibleNames, Rows):
    model = Membership
    verbose_name, verbose_name_plural = "member", "members"
    fields = ("user", "role", "through")
    readonly_fields = ("through",)
    autocomplete_fields = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("group", "user", "role")

    @admin.display(description="through the group")
    def through(self, membership: Membership) -> str:
        return membership.group.group if membership.group else ""


class GroupRoleInline(ForSuperusers, VisibleNames, Rows):
    model = GroupRole
    verbose_name, verbose_name_plural = "group of the identity provider", "groups of the identity provider"
    fields = ("group", "role")


class GrantFormSet(forms.BaseInlineFormSet):
    """The grants of a team, at most one of them for all hypervisors."""

    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if sum(each.get("hypervisor", "") is None for each in kept) > 1:
            raise ValidationError("Only one grant of a team can be for all hypervisors.")


class GrantInline(ForSuperusers, VisibleNames, admin.StackedInline):
    model = Grant
    formset = GrantFormSet
    extra = 0
    fieldsets = (
        (None, {"fields": (("hypervisor", "role"),)}),
        (
            "Networks, bridges, devices and pools",
            {
                "fields": (("blocks", "pools"), ("networks", "bridges", "devices")),
                "description": "These limits do not apply to operators of the hypervisor.",
            },
        ),
        (
            "Quotas",
            {
                "fields": (
                    ("max_vms", "max_vcpus", "max_memory", "max_disk"),
                    ("max_networks", "max_reservations", "max_snapshots"),
                ),
                "description": "The most that all objects of the team on the hypervisor may use together; "
                "empty: no limit.",
            },
        ),
    )


@admin.register(Team, site=site)
class TeamAdmin(ForSuperusers, VisibleNames, Recorded, Page):
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
        help_text="Without the first verb, an object does not exist for members with this role.",
    )

    class Meta:
        model = Role
        fields = ("name", "verbs")

    def clean_verbs(self) -> list[str]:
        """Return the codes that are ticked, and those of another version, which have no checkbox."""
        unknown = [code for code in self.instance.verbs if code not in Verb.values]
        return sorted([*self.cleaned_data["verbs"], *unknown])


@admin.register(Role, site=site)
class RoleAdmin(ForSuperusers, VisibleNames, Recorded, Page):
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
