"""Where a user may create networks, VMs and images, and for which team."""

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from virterweb.hypervisors.models import Hypervisor

from . import limits, rights
from .models import Team
from .verbs import Verb


def hypervisors(user: rights.Actor) -> QuerySet[Hypervisor]:
    """Return the hypervisors on which a user may create something."""
    return Hypervisor.objects.filter(rights.access_of(user).creates_on())


def require(user: rights.Actor) -> None:
    """Raise PermissionDenied unless a user may create something on any hypervisor."""
    if not rights.access_of(user).creates():
        raise PermissionDenied("You may not create anything on any hypervisor. Ask an operator.")


def teams(user: rights.Actor, hypervisor: int | None = None) -> QuerySet[Team]:
    """Return the teams for which a user may create something on a hypervisor, or on any; operators: all teams."""
    access = rights.access_of(user)
    if access.allows_on(Verb.ADMINISTER, hypervisor):
        return Team.objects.all()
    return Team.objects.filter(pk__in=access.teams(Verb.CREATE, hypervisor))


def is_possible(user: rights.Actor, team: int | None, hypervisor: int) -> bool:
    """Return whether a user may create something for a team on a hypervisor; for no team: only operators."""
    if team is None:
        return rights.access_of(user).allows_on(Verb.ADMINISTER, hypervisor)
    return teams(user, hypervisor).filter(pk=team).exists()


def team_for(user: rights.Actor, hypervisor: Hypervisor, **chosen: object) -> Team | None:
    """Return the team that gets what a user adopts on a hypervisor: the chosen one, the first, or None without any.

    `chosen` are columns of a team. Raises PermissionDenied if the user may not create anything for that team there.
    """
    possible = teams(user, hypervisor.pk)
    found = possible.filter(**chosen).first()
    if chosen and found is None:
        raise PermissionDenied(f"You may not create anything for this team on {hypervisor}. Choose another one.")
    return found


def chosen_team(request: HttpRequest, hypervisor: Hypervisor) -> Team | None:
    """Return the same for the team that a form sends, which has no field for a single team."""
    key = request.POST.get("team", "")
    if key and not (key.isdecimal() and len(key) < 19):
        key = "0"  # no team
    return team_for(request.user, hypervisor, **({"pk": key} if key else {}))


def prepare(form: forms.Form, user: rights.Actor) -> None:
    """Limit the choice of hypervisors of a form to those of the user; add a choice of teams if there are several."""
    form.fields["hypervisor"].queryset = hypervisors(user)
    columns = ("pk", "name", "limited", "end_days", "max_end_days")
    found = list(teams(user).annotate(limited=limits.any_of("pk")).values_list(*columns))
    names = form.teams = [(str(pk), name) for pk, name, *_ in found]
    form.limited = {str(pk) for pk, _, limited, *_ in found if limited}
    form.has_ends = any(days for *_, default, limit in found for days in (default, limit))
    if len(names) > 1:
        form.fields["team"] = forms.ChoiceField(choices=names, required=False, initial=names[0][0])


def limits_of(form: forms.Form, hypervisor: Hypervisor | None) -> list[limits.Limit]:
    """Return the limits of the team that is chosen in a form, with what is used of them."""
    known = [pk for pk, _ in form.teams]
    chosen = str(form["team"].value() if "team" in form.fields else "")
    team = chosen if chosen in known else next(iter(known), None)
    return limits.limits(int(team), hypervisor.pk) if team in form.limited and hypervisor else []


def team_of(form: forms.Form, user: rights.Actor) -> Team | None:
    """Return the team that a valid form creates objects for, or None with an error in the form."""
    hypervisor, chosen = form.cleaned_data.get("hypervisor"), form.cleaned_data.get("team")
    possible = {str(team.pk): team for team in teams(user, hypervisor.pk)} if hypervisor else {}
    if chosen and hypervisor and chosen not in possible:
        form.add_error("team", f"This team may not create anything on {hypervisor}.")
    return possible.get(chosen) or next(iter(possible.values()), None)
