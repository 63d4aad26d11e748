"""What is sent to each URL that changes something, and the one entry of the activity log that follows from it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponse
from django.test import Client
from lxml import html

from tests.activity.prepared import (
    MAC,
    capturing,
    changed_before,
    drafted,
    editable,
    ending,
    entry,
    failed,
    image_failed,
    image_unused,
    interrupted,
    leaving_nic,
    network,
    nothing,
    off_with_disk,
    outside,
    pooled,
    recreated,
    recreated_network,
    renamed,
    snapshot_requested,
    stranger,
    transient,
    unused,
    vm,
    whole_domain,
    with_disk,
    with_tap,
    with_token,
)
from tests.project.conftest import people, things  # noqa: F401, the fixtures of all pages
from tests.project.every_url import ALL
from tests.project.permissions import PAGES
from tests.support.shown import as_shown
from virterweb.activity.choices import Kind
from virterweb.people.models import Token
from vms.models import Image, Volume

PASSWORD = "a good one"


def edited_xml(client: Client, path: str) -> HttpResponse:
    """Send the document with another memory, look at the preview, and save it."""
    changed = whole_domain().replace(">1024<", ">2048<")
    root = html.fromstring(client.post(path, {"document": changed}).content)
    token, base = (root.xpath(f"string(//input[@name='{name}']/@value)") for name in ("token", "base"))
    return client.post(path, {"document": changed, "token": token, "base": base})


def post(values: dict[str, object]) -> Callable[[Client, str], HttpResponse]:
    """Return a function that sends these values."""
    return lambda client, path: client.post(path, {name: _now(value) for name, value in values.items()})


def submit(form: str = "(//main//form[.//button])[last()]", **values: object) -> Callable[[Client, str], HttpResponse]:
    """Return a function that fills in the form of a page, and confirms the preview that it may get."""

    def send(client: Client, path: str) -> HttpResponse:
        answer = client.get(path)
        for _ in range(2):
            page = html.fromstring(answer.content)
            if not page.xpath(form):  # the page that says what is wrong with the request
                break
            filled = as_shown(answer, form) | {name: _now(value) for name, value in values.items()}
            answer = client.post(path, filled | {"token": page.xpath("//input[@name='token']/@value")})
            if answer.status_code not in (200, 409):
                break
        return answer

    return send


def _now(value: object) -> object:
    return value() if callable(value) else value


def bulk(client: Client, path: str) -> HttpResponse:
    chosen = {"action": "stop", "network": network().pk}
    return client.post(path, chosen | as_shown(client.post(path, chosen)))


def delete_volume(client: Client, path: str) -> HttpResponse:
    chosen = {"volume": Volume.objects.get(name="disk").pk}
    return client.post(path, chosen | as_shown(client.post(path, chosen)))


@dataclass(frozen=True)
class Change:
    """What is sent to a URL, what must be there before, and the entry that it leaves: its kind and its text."""

    send: Callable[[Client, str], HttpResponse]
    kind: Kind
    what: str
    before: Callable[[], None] = nothing


EMPTY = post({})
SHARED = post({"do": "share", "share-user": "viewer", "share-level": "viewer"})
NETWORK, RESERVATION, VM_, NIC, IMAGE = Kind.NETWORK, Kind.RESERVATION, Kind.VM, Kind.NIC, Kind.IMAGE
CHANGES = {
    "networks:remove": Change(submit(disconnect="yes"), NETWORK, "deletion requested"),
    "networks:edit": Change(submit(domain="lab.test"), NETWORK, "changed Domain, Domain is local only"),
    "networks:plan": Change(submit(), NETWORK, "reverted to saved definition", outside),
    "networks:accept": Change(EMPTY, NETWORK, "changes from libvirt accepted", outside),
    "networks:adopt": Change(EMPTY, NETWORK, "adopted"),
    "networks:adopt_replacement": Change(EMPTY, NETWORK, "adopted the network that replaced it", recreated_network),
    "networks:recreate": Change(submit(), NETWORK, "recreated", renamed),
    "networks:release": Change(EMPTY, NETWORK, "released"),
    "networks:retry": Change(EMPTY, NETWORK, "retried", failed),
    "networks:persist": Change(EMPTY, NETWORK, "made persistent", transient),
    "networks:on_drift": Change(post({"on_drift": "take"}), NETWORK, "reaction to changes outside the portal set"),
    "networks:discard_draft": Change(EMPTY, NETWORK, "refused change discarded", drafted),
    "networks:xml": Change(
        submit(document=lambda: network().full_document.replace("<ip ", "<domain name='lab.test'/><ip ")),
        NETWORK,
        "XML changed: Domain",
    ),
    "networks:revision": Change(submit(), NETWORK, "restored as of …", changed_before),
    "networks:add": Change(submit(name="net2", ipv4="10.2.0.1/24"), NETWORK, "added"),
    "networks:bulk": Change(bulk, NETWORK, "stopped"),
    "networks:lease_reserve": Change(EMPTY, RESERVATION, "10.1.0.7 reserved for 52:54:00:00:00:07"),
    "networks:lease_release": Change(EMPTY, NETWORK, "release of lease 10.1.0.7 requested"),
    "networks:host_add": Change(
        submit(mac="52:54:00:00:00:33", ip="10.1.0.33", name="x"), RESERVATION, "10.1.0.33 reserved for x"
    ),
    "networks:host_paste": Change(
        submit(text="52:54:00:00:00:33 10.1.0.33 x"), RESERVATION, "10.1.0.33 reserved for x"
    ),
    "networks:host_edit": Change(submit(name="y"), RESERVATION, "DHCP reservation of 10.1.0.9 changed"),
    "networks:host_remove": Change(
        post({"ip": "10.1.0.9 52:54:00:00:00:09"}), RESERVATION, "DHCP reservations of 10.1.0.9 removed"
    ),
    "networks:host_ids": Change(post({"id": 40, "count": 2}), RESERVATION, "DHCP reservations of IDs 40–41 added"),
    "networks:end": Change(submit(until="2030-01-31T12:00"), NETWORK, "end date set to 2030-01-31 12:00"),
    "networks:extend": Change(EMPTY, NETWORK, "extended until …", ending),
    "vms:end": Change(submit(until="2030-01-31T12:00"), VM_, "end date set to 2030-01-31 12:00"),
    "vms:extend": Change(EMPTY, VM_, "extended until …", ending),
    "networks:tags": Change(submit(tags="web"), NETWORK, "tags: +web"),
    "vms:tags": Change(submit(tags="web"), VM_, "tags: +web"),
    "networks:share": Change(SHARED, NETWORK, "shared with viewer as viewer"),
    "vms:share": Change(SHARED, VM_, "shared with viewer as viewer"),
    "vms:remove": Change(submit(name="alma-8-8"), VM_, "deletion requested"),
    "vms:power_confirm": Change(submit(), VM_, "forced off"),
    "vms:autostart": Change(post({"on": "yes"}), VM_, "set to start with the host"),
    "vms:isolate": Change(EMPTY, VM_, "isolated: all links set down"),
    "vms:end_isolation": Change(EMPTY, VM_, "isolation ended: links set up again"),
    "vms:nic_link": Change(post({"up": "no"}), NIC, "NIC 52:54:00:00:00:08 changed: Link"),
    "vms:duplicate": Change(submit(number="30", name="copy"), VM_, "duplicated from alma-8-8", off_with_disk),
    "vms:commit": Change(submit(name="golden"), IMAGE, "created from the boot disk of alma-8-8", off_with_disk),
    "vms:disk_add": Change(submit(name="more", size="1G"), VM_, "disk more added"),
    "vms:disk_grow": Change(submit(size="2G"), VM_, "disk vdb grown to 2048 MiB"),
    "vms:disk_remove": Change(EMPTY, VM_, "disk vdb detached"),
    "vms:drive_add": Change(EMPTY, VM_, "CD-ROM drive added"),
    "vms:medium": Change(submit(), VM_, "medium ejected from sdb"),
    "vms:disk_request_cancel": Change(EMPTY, VM_, "requested change of a disk cancelled"),
    "vms:power": Change(EMPTY, VM_, "started"),
    "vms:size": Change(submit(memory="2048"), VM_, "memory and vCPUs edited"),
    "vms:guest_rule": Change(post({"guest_network": "virter"}), VM_, "guest network configuration mode changed"),
    "vms:guest_configure": Change(EMPTY, VM_, "application of the guest network configuration requested"),
    "vms:retry": Change(EMPTY, VM_, "retried", failed),
    "vms:many": Change(post({"action": "retry", "vm": lambda: vm().pk}), VM_, "retried", failed),
    "vms:revert": Change(EMPTY, VM_, "reverted to the saved definition", outside),
    "vms:persist": Change(EMPTY, VM_, "made persistent"),
    "vms:accept": Change(EMPTY, VM_, "changes from libvirt accepted", outside),
    "vms:adopt": Change(EMPTY, VM_, "adopted", stranger),
    "vms:adopt_replacement": Change(EMPTY, VM_, "replaced by the VM that was recreated outside the portal", recreated),
    "vms:release": Change(EMPTY, VM_, "released"),
    "vms:revision": Change(submit(), VM_, "restored as of …", changed_before),
    "vms:run": Change(
        submit(hypervisor=lambda: vm().hypervisor.pk, image=lambda: Image.objects.get().name, number="10"),
        VM_,
        "run from alma-8",
    ),
    "vms:template_add": Change(
        submit(template="db", hypervisor=lambda: vm().hypervisor.pk, image=lambda: Image.objects.get().name),
        Kind.TEMPLATE,
        "added",
    ),
    "vms:template_edit": Change(submit(memory="2048"), Kind.TEMPLATE, "edited"),
    "vms:template_share": Change(SHARED, Kind.TEMPLATE, "shared with viewer as viewer"),
    "vms:template_delete": Change(EMPTY, Kind.TEMPLATE, "deleted"),
    "vms:nic_add": Change(submit(network="net1"), NIC, "NIC … added"),
    "vms:nic_edit": Change(submit(model="e1000"), NIC, f"NIC {MAC} changed: Model"),
    "vms:nic_remove": Change(submit(), NIC, f"NIC {MAC} removed"),
    "vms:nic_keep": Change(EMPTY, NIC, f"removal of NIC {MAC} cancelled", leaving_nic),
    "vms:images": Change(
        submit(hypervisor=lambda: vm().hypervisor.pk, name="alma-9", volume="disk"), IMAGE, "added", pooled
    ),
    "vms:image_convert": Change(EMPTY, IMAGE, "conversion into a layer requested"),
    "vms:image_retry": Change(EMPTY, IMAGE, "retried", image_failed),
    "vms:catalogue": Change(post({"entry": entry, "hypervisor": lambda: vm().hypervisor.pk}), IMAGE, "added"),
    "vms:captures": Change(submit(), VM_, f"capture of packets of NIC {MAC} requested", with_tap),
    "vms:capture_stop": Change(EMPTY, VM_, f"stop of the capture of NIC {MAC} requested", capturing),
    "vms:capture_delete": Change(EMPTY, VM_, f"capture of NIC {MAC} deleted"),
    "vms:definition": Change(edited_xml, VM_, "XML edited", editable),
    "vms:image_export": Change(EMPTY, IMAGE, "export as a file requested"),
    "vms:image_remove": Change(EMPTY, IMAGE, "deletion requested", image_unused),
    "vms:unused_volumes_delete": Change(delete_volume, Kind.VOLUME, "deletion from pool default requested", unused),
    "vms:snapshot_take": Change(submit(name="first"), VM_, "snapshot first requested", with_disk),
    "vms:snapshot_revert": Change(submit(), VM_, "revert to snapshot before requested"),
    "vms:snapshot_delete": Change(submit(), VM_, "deletion of snapshot before requested"),
    "vms:snapshot_cancel": Change(EMPTY, VM_, "cancellation of the request about snapshot first", snapshot_requested),
    "portal:start_again": Change(EMPTY, VM_, "started again after a restart or rebuild of the hypervisor", interrupted),
    "portal:leave_off": Change(EMPTY, VM_, "left off after a restart or rebuild of the hypervisor", interrupted),
    "tokens": Change(post({"delete": lambda: Token.objects.get().pk}), Kind.RIGHTS, "token ci deleted", with_token),
}
#: What is sent to these URLs changes nothing; sign-in has tests of its own.
OTHERS = {"networks:preview", "networks:edit_preview", "networks:names", "vms:preview"}
OTHERS |= {"vms:nic_add_preview", "vms:nic_edit_preview", "vms:pool_refresh"}
OTHERS |= {"vms:uploads", "vms:upload_discard"}  # the image of a complete upload has an entry
TAKE_FORMS = {
    f"{space}:{name}".lstrip(":"): (space, name, pattern)
    for space, name, pattern in ALL
    if name and (space or name == "tokens") and PAGES[space][name].post is not None
}
