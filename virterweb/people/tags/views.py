"""The page that changes the tags of an object. The apps of the objects define its URL."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from virterweb.hypervisors.desired.history import page_parts

from .forms import TagsForm
from .listing import in_use
from .tagged import Tagged


def tags_page(request: HttpRequest, thing: Tagged) -> HttpResponse:
    """Show the form with the tags of an object, and save it."""
    thing.require()
    form = TagsForm(request.POST if request.method == "POST" else None, thing=thing)
    if form.is_valid() and form.save(request.user):
        tags = ", ".join(thing.tag_names)
        messages.success(request, f"Tags of {thing}: {tags}." if tags else f"{thing} has no tags.")
        return redirect(thing)
    context = page_parts(thing) | {"form": form, "offered": form.offered(in_use(request.user))}
    return render(request, "people/tags/edit.html", context, status=422 if form.is_bound else 200)
