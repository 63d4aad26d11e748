"""The last definition of what was deleted because of its end date, which an entry of the activity log links to."""

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry
from virterweb.pages.xml_lines import pretty
from virterweb.people.ends.ending import DELETED
from virterweb.people.models import LastDefinition

#: The models of what can have an end date, by the kind of its entries.
KINDS = {Kind.NETWORK: "network", Kind.VM: "vm"}


def is_kept() -> Q:
    """Return the condition that an entry is about a deletion whose definition is kept.

    An earlier deletion of the object, which was refused, is another: the object may have belonged to others then.
    """
    kept = LastDefinition.objects.filter(object_id=OuterRef("object_id"), at__lte=OuterRef("at"))
    of_kind = (Q(Exists(kept.filter(kind=model)), kind=kind, event=DELETED) for kind, model in KINDS.items())
    first, *others = of_kind
    for other in others:
        first |= other
    return first


@require_GET
def last_definition(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the definition to those who may see the entry: they could see it when the object existed."""
    entry = get_object_or_404(Entry.objects.visible_to(request.user).filter(is_kept()), pk=pk)
    kept = LastDefinition.objects.get(kind=KINDS[Kind(entry.kind)], object_id=entry.object_id)
    context = {"entry": entry, "kept": kept, "document": pretty(kept.values["document"])}
    return render(request, "portal/activity/definition.html", context)
