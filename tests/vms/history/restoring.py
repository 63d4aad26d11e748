"""Helpers that show and restore revisions of a VM, and read the pages."""

from lxml import html

from vms.definition.nics.spec import NICSpec
from vms.models import VM, VMRevision

ACCESS, SECOND = "52:54:00:00:00:08", "52:54:00:80:00:01"


def nic(mac: str = SECOND, kind: str = "network", source: str = "net1", **values) -> NICSpec:
    return NICSpec(kind=kind, source=source, mac=mac, **values)


def again(vm: VM) -> VM:
    return VM.objects.shown().get(pk=vm.pk)


def steps(answer) -> list[str]:
    (plan,) = html.fromstring(answer.content.decode()).xpath("//ol[@class='steps']") or [()]
    return [" ".join(each.text_content().split()) for each in plan]


def refusals(answer) -> list[str]:
    return [each.text_content() for each in html.fromstring(answer.content.decode()).xpath("//p[@class='error']")]


def restore(page, revision: VMRevision):
    """Restore a revision as its page does, with the token of the preview."""
    path = revision.get_absolute_url()
    shown = page.get(path)
    assert shown.status_code == 200
    return page.post(path, {"token": shown.context.get("token", "")})


def nics(vm: VM) -> list[tuple]:
    return [(each.mac, each.spec(), each.guest_spec(), bool(each.removed_at)) for each in again(vm).nics.all()]
