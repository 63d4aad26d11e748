"""The page of the catalogue: images that can be fetched, and where they are already."""

from collections import defaultdict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from virterweb.hypervisors.desired.state import State
from virterweb.pages.tables import natural, page_of
from virterweb.people import creating, rights
from vms.images.form import ImageForm
from vms.models import CatalogueEntry, Image


@require_http_methods(["GET", "POST"])
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show the catalogue; a POST fetches the chosen entry on the chosen hypervisor."""
    form = ImageForm(user=request.user)
    if request.method == "POST":
        creating.require(request.user)
        key = request.POST.get("entry", "")
        entry = CatalogueEntry.objects.filter(pk=key if key.isdecimal() and len(key) < 19 else 0).first()
        if entry is None:
            messages.error(request, "The catalogue no longer has this entry. Choose another one.")
            return redirect("vms:catalogue")
        data = request.POST.copy()
        data["name"], data["url"], data["checksum"] = entry.name, entry.url, entry.checksum
        form = ImageForm(data, user=request.user)
        if form.is_valid() and (image := form.save(request.user)):
            messages.success(request, f"Fetching the image {image} to {image.hypervisor}.")
            return redirect("vms:images")
    page = page_of(CatalogueEntry.objects.order_by(natural("name")), request.GET)
    _add_images(page.object_list, request.user)
    context = {"page": page, "form": form, "operates": rights.is_operator(request.user)}
    return render(request, "vms/images/catalogue.html", context, status=422 if form.is_bound else 200)


def _add_images(entries: list[CatalogueEntry], user: rights.Actor) -> None:
    """Give each entry the images of its name that the user may see."""
    found = defaultdict(list)
    images = Image.objects.visible_to(user).filter(name__in=[entry.name for entry in entries])
    for image in images.select_related("hypervisor", "status").order_by("hypervisor"):
        image.there = "ready" if image.state == State.UNMANAGED else ""
        found[image.name].append(image)
    for entry in entries:
        entry.images = found[entry.name]
