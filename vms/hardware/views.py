"""The page that changes memory and vCPUs of a VM, mainly after a failed start."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM
from vms.nics.stale import as_base, merged


class SizeForm(forms.Form):
    """Memory and vCPUs."""

    memory = forms.IntegerField(label="Memory, MiB", min_value=1, max_value=2**24)
    vcpus = forms.IntegerField(label="vCPUs", min_value=1, max_value=512)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""


@require_http_methods(["GET", "POST"])
def vm_size(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone().filter(managed=True), verb=Verb.EDIT)
    shown = SizeForm(initial={"memory": vm.memory, "vcpus": vm.vcpus})
    data, notes = merged(request.POST, shown) if request.method == "POST" else (None, [])
    form = SizeForm(data, initial=shown.initial)
    if data is not None and not notes and form.is_valid():
        vm.resize(**form.cleaned_data, by=request.user)
        if vm.status.power != "off":
            messages.success(request, f"{vm} gets the new memory and vCPUs at its next start.")
        return redirect(vm)
    context = {"vm": vm, "form": form, "base": as_base(shown), "notes": notes}
    return render(request, "vms/hardware/edit.html", context, status=409 if notes else 422 if form.is_bound else 200)
