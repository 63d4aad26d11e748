"""Downloads for Ansible and OpenSSH, the same as the output of `manage.py inventory`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from vms.models import VM

from . import inventory

PLAIN = "text/plain; charset=utf-8"


@require_GET
def ansible(request: HttpRequest) -> HttpResponse:
    found = inventory.guests(VM.objects.visible_to(request.user))
    return JsonResponse(inventory.ansible(found), json_dumps_params={"indent": 2})


@require_GET
def ssh_config(request: HttpRequest) -> HttpResponse:
    found = inventory.guests(VM.objects.visible_to(request.user))
    return HttpResponse(inventory.ssh_config(found), content_type=PLAIN)


@require_GET
def known_hosts(request: HttpRequest) -> HttpResponse:
    found = inventory.guests(VM.objects.visible_to(request.user))
    return HttpResponse(inventory.known_hosts(found), content_type=PLAIN)
