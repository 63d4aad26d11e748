"""Requests the file of an image, and sends it when it is ready."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from virterweb.messages import Failure
from vms.models import Image, ImageExport

from . import requests
from .stream import NOTHING, answer, wanted_range


@require_POST
def image_export(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    image = _image(request, hypervisor, name)
    try:
        requests.ask(image, request.user)
    except Failure as problem:
        messages.error(request, str(problem))
    return redirect("vms:images")


@require_GET
def image_file(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Send the file of an exported image; 409 if there is none, or not yet."""
    image = _image(request, hypervisor, name)
    export = ImageExport.objects.filter(image=image).exclude(ready_at=None).first()
    if export is None or not requests.has_file(export):
        text = f"The file of {image} is not ready. Export the image, and wait until it can be downloaded.\n"
        return HttpResponse(text, status=409, content_type="text/plain; charset=utf-8")
    wanted = wanted_range(request, export)
    if wanted != NOTHING:
        requests.note_download(export, request.user, start=wanted[0] if wanted else 0)
    return answer(export, name, wanted)


def _image(request: HttpRequest, hypervisor: str, name: str) -> Image:
    """Return an image; 404 if it does not exist for the user, PermissionDenied if the user may not export it."""
    images = Image.objects.visible_to(request.user).select_related("status", "hypervisor")
    image = get_object_or_404(images, hypervisor__name=hypervisor, name=name)
    requests.require_export(request.user, image)
    return image
