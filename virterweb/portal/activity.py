"""The page of the activity log: filtered, by pages, and as CSV and JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from django import forms
from django.db.models import BooleanField, Case, Exists, F, Model, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from networks.leases.history_form import Moment
from networks.models import Network, NetworkRevision
from virterweb.activity import wording
from virterweb.activity.choices import OF_PEOPLE, Kind, Result, Via, label, same_object
from virterweb.activity.models import Entry, EntryQuerySet
from virterweb.hypervisors.models import Hypervisor
from virterweb.pages import exports
from virterweb.pages.chips import NO_VALUE, Narrowed, Property
from virterweb.pages.tables import Column, Table
from virterweb.people import rights
from virterweb.people.hidden.messages import readable
from virterweb.people.hidden.teams import what_for
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for
from vms.models import VM, Image, VMRevision

from .definitions import is_kept
from .progress import add_steps

OFFERED = 5000  # the latest entries, whose values the chips offer
EXPORTED = 50_000  # entries in a file, the latest
OF_LATEST = 1000  # entries among which those in progress are looked for
IN_PROGRESS = "in-progress"

COLUMNS = (
    Column(key="time", title="Time", order=(F("pk").desc(),)),
    Column(key="user", title="User", order=(F("who"),)),
    Column(key="object", title="Object", order=(F("name"), F("hypervisor"))),
    Column(key="event", title="Change", order=(F("kind"), F("event"))),
    Column(key="result", title="Result", order=(F("result"),)),
)
PROPERTIES = (
    Property(
        key="user",
        title="User",
        columns=("who",),
        values=lambda who: {who or NO_VALUE: who or "none"},
        having=lambda rows, who: rows.filter(who="" if who == NO_VALUE else who),
    ),
    Property(
        key="via",
        title="Source",
        columns=("via",),
        values=lambda via: {via: label(Via, via)},
        having=lambda rows, via: rows.filter(via=via),
    ),
    Property(
        key="hypervisor",
        title="Hypervisor",
        columns=("hypervisor",),
        values=lambda name: {name: name} if name else {},
        having=lambda rows, name: rows.filter(hypervisor=name),
    ),
    Property(
        key="kind",
        title="Kind",
        columns=("kind",),
        values=lambda kind: {kind: label(Kind, kind)},
        having=lambda rows, kind: rows.filter(kind=kind),
    ),
    Property(
        key="object",
        title="Object",
        columns=("name",),
        values=lambda name: {name: name} if name else {},
        having=lambda rows, name: rows.filter(name=name),
    ),
    Property(
        key="event",
        title="Change",
        columns=("kind", "event"),
        values=lambda kind, event: {event: wording.title(kind, event)},
        having=lambda rows, event: rows.filter(event=event),
    ),
    Property(
        key="result",
        title="Result",
        columns=("result",),
        values=lambda result: {result or IN_PROGRESS: label(Result, result) if result else "in progress"},
        having=lambda rows, result: rows.filter(result="" if result == IN_PROGRESS else result),
    ),
)


def properties_for(user: rights.Actor) -> tuple[Property, ...]:
    """Return the properties to filter by. Teams are offered, and found, only as far as the user may know of them."""
    names = dict(rights.visible_teams(user).values_list("pk", "name"))
    ids = {name: pk for pk, name in names.items()} | {NO_VALUE: None}
    team = Property(
        key="team",
        title="Team",
        columns=("team_id",),
        values=lambda pk: {NO_VALUE: "none"} if pk is None else {names[pk]: names[pk]} if pk in names else {},
        having=lambda rows, name: rows.filter(team_id=ids[name]) if name in ids else rows.none(),
    )
    return (*PROPERTIES[:1], team, *PROPERTIES[1:]) if names else PROPERTIES


FILE = (
    *(
        "at",
        "user",
        "via",
        "token",
        "address",
        "kind",
        "event",
        "change",
        "hypervisor",
        "object",
        "object_id",
        "revision",
    ),
    *("result", "error", "request", "ended", "bytes"),
)


class PeriodForm(forms.Form):
    """`?since=2026-11-24T22:00&until=2026-11-25T06:00`: both may be left out."""

    since = forms.DateTimeField(label="From", required=False, widget=Moment)
    until = forms.DateTimeField(label="To", required=False, widget=Moment)

    @property
    def is_filled_in(self) -> bool:
        return any(self.data.get(name) for name in self.fields)

    def among(self, entries: EntryQuerySet) -> EntryQuerySet:
        """Return the entries between the two times; a time that cannot be read does not narrow them."""
        self.is_valid()
        since, until = (self.cleaned_data.get(name) for name in self.fields)
        entries = entries.filter(at__gte=since) if since else entries
        return entries.filter(at__lt=until) if until else entries


def searched(request: HttpRequest, period: PeriodForm) -> EntryQuerySet:
    """Return the entries that the user may see, those of the searched time and object."""
    entries = period.among(Entry.objects.visible_to(request.user))
    text = request.GET.get("q", "").strip()
    return entries.filter(name__icontains=text) if text else entries


@require_GET
@vary_on_headers("Accept", "HX-Request")
def activity(request: HttpRequest) -> HttpResponse:
    """Show who changed what; the list polls with the current filters."""
    if suffix := exports.wanted_suffix(request):
        return activity_table(request, suffix)
    period = PeriodForm(request.GET)
    found = searched(request, period)
    properties = properties_for(request.user)
    rows = Narrowed(found, properties, request.GET)
    columns = columns_for(request.user, HiddenColumns.Table.ACTIVITY, COLUMNS)
    context = {
        "table": Table(rows.rows, columns, request.GET, lambda keys: with_links(Entry.objects.filter(pk__in=keys))),
        "narrowed": rows,
        "period": period,
    }
    if request.htmx:
        return render(request, "portal/activity/_list.html", context)
    offered = Narrowed(found.filter(pk__in=found.order_by("-pk").values("pk")[:OFFERED]), properties, request.GET)
    return render(request, "portal/activity/activity.html", {**context, "chips": offered.chips})


@require_GET
def activity_table(request: HttpRequest, suffix: str) -> HttpResponse:
    """Serve the latest entries that match the filters as a file."""
    rows = Narrowed(searched(request, PeriodForm(request.GET)), properties_for(request.user), request.GET).rows
    return exports.answer(
        "activity", suffix, FILE, (_cells(entry, request.user) for entry in rows[:EXPORTED].iterator())
    )


def _cells(entry: Entry, user: rights.Actor) -> tuple[object, ...]:
    """Return the columns of `FILE`; only operators see from where others work."""
    what, of_row = what_for(entry, user), (entry.object_id, entry.revision_id)
    of_object = (entry.kind, entry.event, what, entry.hypervisor, entry.name, *of_row)
    address, request = (entry.address, entry.request) if rights.is_operator(user) else ("", "")
    error = str(readable(entry.error, user))
    at, result = entry.at.isoformat(timespec="seconds"), entry.result or IN_PROGRESS
    ended = entry.ended_at.isoformat(timespec="seconds") if entry.ended_at else ""
    by = (entry.who, entry.via, entry.token, address)
    return (at, *by, *of_object, result, error, request, ended, entry.moved_bytes)


@dataclass(frozen=True, kw_only=True)
class Latest:
    """Changes of objects, newest first: those in progress, and the latest that have ended."""

    in_progress: list[Entry]
    more: bool  # in progress
    ended: list[Entry]


def latest(user: rights.Actor, count: int) -> Latest:
    """Return so many changes of each kind; what is in progress is among the last changes. It is one query."""
    seen = Entry.objects.visible_to(user).exclude(kind__in=(*OF_PEOPLE, Kind.CONSOLE)).order_by("-pk")
    running = seen.filter(result="", pk__in=seen.values("pk")[:OF_LATEST])
    found = Q(pk__in=running.values("pk")[: count + 1]) | Q(pk__in=seen.exclude(result="").values("pk")[:count])
    entries = with_links(Entry.objects.filter(found))
    waiting = [entry for entry in entries if not entry.result]
    ended = [entry for entry in entries if entry.result]
    return Latest(in_progress=waiting[:count], more=len(waiting) > count, ended=ended)


def with_links(entries: QuerySet[Entry]) -> list[Entry]:
    """Return entries with the address of their object and revision, as far as those exist, and their progress."""
    host = Hypervisor.objects.filter(pk=OuterRef("hypervisor_id")).order_by().values("name")
    found = list(
        entries.annotate(
            host=Subquery(host),
            name_now=_name_now(),
            revision_kept=Case(
                When(kind__in=same_object(Kind.NETWORK), then=_exists(NetworkRevision)),
                When(kind__in=same_object(Kind.VM), then=_exists(VMRevision)),
                default=Value(False),
                output_field=BooleanField(),
            ),
            definition_kept=Case(When(is_kept(), then=Value(True)), default=Value(False)),
        )
    )
    for entry in found:
        for name, address in _addresses(entry).items():
            setattr(entry, name, address)
    add_steps(found)
    return found


def _name_now() -> Case:
    """Return the name of the object of an entry as it is now."""
    here = {kind: model.objects.filter(pk=OuterRef("object_id")).order_by() for kind, model in MODELS.items()}
    return Case(
        *(When(kind__in=same_object(kind), then=Subquery(found.values("name"))) for kind, found in here.items())
    )


def _exists(model: type[Model]) -> Exists:
    return Exists(model.objects.filter(pk=OuterRef("revision_id")).order_by())


#: The models of objects, by the first kind of their entries.
MODELS = {Kind.NETWORK: Network, Kind.VM: VM, Kind.IMAGE: Image}


def _addresses(entry: Entry) -> Mapping[str, str]:
    """Return the name of the object's model, and the addresses that a row links to; "" where there is none."""
    model = MODELS.get(same_object(entry.kind)[0])
    app, place = model._meta.app_label if model else "", (entry.host, entry.name_now)
    page = revision = ""
    if entry.kind == Kind.TEMPLATE:
        page = f"{reverse('vms:templates')}?{urlencode({'q': entry.name})}"
    elif model is Image and entry.name_now:
        page = reverse("vms:images")
    elif model and all(place):
        page = reverse(f"{app}:detail", args=place)
        revision = reverse(f"{app}:revision", args=[*place, entry.revision_id]) if entry.revision_kept else ""
    if not page and entry.definition_kept:
        revision = reverse("portal:last_definition", args=[entry.pk])
    return {"model": model._meta.model_name if model else "", "page": page, "revision": revision}
