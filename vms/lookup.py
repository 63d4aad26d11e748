"""Lookup of VMs and templates by hypervisor and name, with the rights of a user."""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from virterweb.people import rights
from virterweb.people.verbs import Verb

from .models import VM, VMTemplate

CHANGES = (Verb.EDIT, Verb.DELETE)


def get_vm(
    user: rights.Actor, hypervisor: str, name: str, vms: QuerySet | None = None, *, verb: Verb = Verb.LIST
) -> VM:
    """Return the VM of that name, a managed one first.

    Raises:
        Http404: there is none, or none that exists for the user.
        PermissionDenied: the user may not do this with it; with the reason and whom to ask.
    """
    visible = (VM.objects.alone() if vms is None else vms).visible_to(user)
    try:
        vm = visible.on(hypervisor).named(name)
    except VM.DoesNotExist as missing:
        raise Http404(str(missing)) from missing
    rights.require(user, verb, vm)
    return vm


def get_template(user: rights.Actor, hypervisor: str, name: str, *, verb: Verb = Verb.LIST) -> VMTemplate:
    """Return the template of that name; the same exceptions."""
    visible = VMTemplate.objects.visible_to(user).on(hypervisor).select_related("hypervisor", "owner", "team")
    if (template := visible.filter(name=name).first()) is None:
        raise Http404(f"there is no template {name}")
    rights.require(user, verb, template)
    if verb in CHANGES and (reason := template.refusal(user, verb)):
        raise PermissionDenied(str(reason))
    return template
