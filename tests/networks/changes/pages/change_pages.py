"""A network that is changed, and what its pages show."""

from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from lxml import html

from networks.definition.events import Event
from networks.models import Network
from tests.support.making import agree, make_running, make_vm


def make_made(network: Network, **values) -> Network:
    """Record that libvirt has the network as desired."""
    spec = network.spec
    network.note(Event.ADDED, network.owner, result="done")
    agree(network)
    network.status.write(
        **{"present": True, "active": True, "autostart": True, "generation": network.generation}
        | {"ip_range": spec.ip_range, "bridge": spec.bridge, "made_at": network.created_at}
        | {"document": network.full_document, **values},
    )
    return again(network)


def make_attached(network: Network, name: str = "alma-8-8", number: int = 8, owner: str = "") -> None:
    """Create a running VM with a NIC on the network."""
    by = get_user_model().objects.get_or_create(username=owner)[0] if owner else None
    vm = make_vm(network.hypervisor, name, number, owner=by)
    make_running(vm, (network.name, f"52:54:00:80:00:{number:02x}", f"vnet{number}"))


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def at(network: Network, page: str) -> str:
    return f"{network.get_absolute_url()}{page}/"


def tree(answer):
    return html.fromstring(answer.content.decode())


def text(element) -> str:
    return " ".join(element.text_content().split())


def steps(answer) -> list[str]:
    return [text(item) for item in tree(answer).xpath("//div[@id='plan']//li")]


def filled(answer, form: str = "(//main//form[@method='post'])[last()]") -> dict[str, str]:
    """Return what a browser sends for the form of a page."""
    (found,) = tree(answer).xpath(form)
    typed = {name: value or "" for name, value in found.form_values()}
    return typed | {each.name: each.value for each in tree(answer).xpath("//*[@form='change']")}


def form_of_edit(client, network: Network, **changed: str) -> dict[str, str]:
    typed = {**filled(client.get(at(network, "edit")), "//form[@id='change']"), **changed}
    preview = tree(client.post(at(network, "edit/preview"), typed))
    return typed | {"token": preview.xpath("string(//input[@name='token']/@value)")}


def said(answer) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def rows(answer) -> list[list[str]]:
    return [[text(cell) for cell in row] for row in tree(answer).xpath("//table/tbody/tr")]


def is_as_before(network: Network) -> bool:
    now = again(network)
    return all(
        getattr(now, name) == getattr(network, name)
        for name in ("generation", "managed", "document", "active", "autostart", "removed_at", "on_drift")
    )


def xml(client, network: Network, document: str, **more: str):
    return client.post(at(network, "xml"), {"document": document, **more})
