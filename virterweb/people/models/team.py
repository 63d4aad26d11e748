"""Teams, their members, and the roles of members."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from virterweb.people.verbs import Verb, verbs_of

DAYS = [MinValueValidator(1), MaxValueValidator(3650)]


class Role(models.Model):
    """A set of verbs. Operators may add roles; those of a new installation are in `verbs.ROLES`."""

    name = models.CharField(max_length=40, unique=True)
    verbs = models.JSONField(default=list, help_text="the codes of what it allows")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def allowed(self) -> frozenset[Verb]:
        return verbs_of(self.verbs)


class Team(models.Model):
    """People who own networks, VMs and images together."""

    name = models.CharField(max_length=40, unique=True)
    role_of_all = models.ForeignKey(
        Role,
        verbose_name="role of all users",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="of users who are not listed below; empty: only listed users are members",
    )
    end_days = models.PositiveSmallIntegerField(
        "days until the end date",
        null=True,
        blank=True,
        validators=DAYS,
        help_text="counted from the creation of a network or VM, and from Extend, for example 14; "
        "empty: no end date for new objects, and Extend sets 14 days",
    )
    max_end_days = models.PositiveSmallIntegerField(
        "maximum days until the end date",
        null=True,
        blank=True,
        validators=DAYS,
        help_text="members cannot choose a later end date or remove it, but operators can; empty: no limit",
    )
    grace_days = models.PositiveSmallIntegerField(
        "grace period in days",
        default=7,
        validators=DAYS,
        help_text="between the end date and the deletion; during this time, networks and VMs can be extended",
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.end_days and self.max_end_days and self.end_days > self.max_end_days:
            raise ValidationError(
                {"end_days": f"Enter at most {self.max_end_days}, the maximum days until the end date."}
            )


class GroupRole(models.Model):
    """The role in a team of everybody whom the identity provider reports as a member of a group."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="groups")
    group = models.CharField(help_text="as the identity provider names it")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "group"], name="group_once_a_team")]

    def __str__(self) -> str:
        return f"{self.group} in {self.team}"


class Membership(models.Model):
    """A member of a team; `group` is the rule by which the identity provider made the user a member."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(GroupRole, null=True, editable=False, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="member_once_a_team")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
