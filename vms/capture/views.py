"""Pages that capture the packets of a NIC. They store requests; workers carry these out."""

from django.contrib.auth import get_user_model
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.messages import Failure
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM, Capture, NICStatus

from . import requests
from .form import CaptureForm
from .stream import follow

PCAP = "application/vnd.tcpdump.pcap"


@require_http_methods(["GET", "POST"])
def capture_list(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """Show the captures of a NIC, and request one."""
    vm = get_vm(request.user, hypervisor, name, verb=Verb.CAPTURE)
    nic = next((nic for nic in vm.status.nics.all() if nic.key == mac), None)
    captures = list(vm.captures.filter(nic=mac).select_related("asked_by"))
    if nic is None and not captures:
        raise Http404(f"{name} has no NIC {mac}.")
    form = CaptureForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _ask(request, vm, nic or NICStatus(mac=mac), form):
        return redirect("vms:captures", hypervisor, name, mac)
    host = request.build_absolute_uri("/").rstrip("/")
    context = {"vm": vm, "mac": mac, "captures": captures, "form": form, "host": host}
    template = "vms/capture/_list.html" if request.htmx and not form.is_bound else "vms/capture/list.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _ask(request: HttpRequest, vm: VM, nic: NICStatus, form: CaptureForm) -> bool:
    try:
        requests.ask(vm, nic, form.cleaned_data["filter"], form.limits, request.user)
    except Failure as problem:
        form.add_error(None, str(problem))
        return False
    return True


@require_POST
def capture_stop(request: HttpRequest, hypervisor: str, name: str, mac: str, pk: int) -> HttpResponse:
    requests.stop(_capture(request, hypervisor, name, (mac, pk)), request.user)
    return redirect("vms:captures", hypervisor, name, mac)


@require_POST
def capture_delete(request: HttpRequest, hypervisor: str, name: str, mac: str, pk: int) -> HttpResponse:
    requests.delete(_capture(request, hypervisor, name, (mac, pk)), request.user)
    return redirect("vms:captures", hypervisor, name, mac)


@require_GET
def capture_file(request: HttpRequest, hypervisor: str, name: str, mac: str, pk: int) -> HttpResponse:
    """Send the packets that were captured, and those that follow until the capture ends."""
    capture = _capture(request, hypervisor, name, (mac, pk))
    if capture.error and not capture.captured_size:
        return HttpResponse(f"{capture.error}\n", status=409, content_type="text/plain; charset=utf-8")
    requests.note_download(capture, request.user)
    user_id = request.user.pk

    def may_read() -> bool:
        user = get_user_model().objects.filter(pk=user_id, is_active=True).first()
        found = VM.objects.select_related("hypervisor", "team").filter(pk=capture.vm_id).first()
        return bool(user and found and rights.may(user, Verb.CAPTURE, found))

    answer = StreamingHttpResponse(follow(capture.pk, may_read), content_type=PCAP)
    answer["Content-Disposition"] = content_disposition_header(True, f"{name}-{mac}-{pk}.pcap")
    answer["X-Accel-Buffering"] = "no"  # nginx would collect what is sent
    return answer


def _capture(request: HttpRequest, hypervisor: str, name: str, key: tuple[str, int]) -> Capture:
    """Return a capture of a NIC by the NIC's key and its own."""
    vm = get_vm(request.user, hypervisor, name, verb=Verb.CAPTURE)
    return get_object_or_404(vm.captures.select_related("vm__hypervisor"), nic=key[0], pk=key[1])
