"""The roles and the team of a new installation: everybody may use every hypervisor."""

from django.db.models import Model

from .verbs import NAMES_ROLE, ROLES, USER_ROLE

EVERYONE = "everyone"


def create(role: type[Model], team: type[Model], grant: type[Model]) -> None:
    """Create them unless there are roles already."""
    if role.objects.exists():
        return
    roles = {name: role.objects.create(name=name, verbs=sorted(verbs)) for name, verbs in ROLES.items()}
    everyone = team.objects.create(name=EVERYONE, role_of_all=roles[USER_ROLE])
    grant.objects.create(team=everyone, role=roles[NAMES_ROLE])
