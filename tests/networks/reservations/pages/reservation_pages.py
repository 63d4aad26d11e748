"""A network with reservations, and what its pages show."""

from collections.abc import Callable

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.urls import reverse
from lxml import html

from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Network
from networks.reservations.reservations import entries

NETWORK = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.99'/></dhcp></ip>
<ip family='ipv6' address='fd00:5::1' prefix='64'><dhcp><range start='fd00:5::100' end='fd00:5::1ff'/></dhcp></ip>
</network>"""
WIDE = """<network><name>wide</name><uuid>{uuid}</uuid><bridge name='virbr6'/>
<ip address='10.6.0.1' prefix='16'><dhcp><range start='10.6.0.2' end='10.6.255.254'/></dhcp></ip></network>"""
SIX_ONLY = """<network><name>six</name><uuid>{uuid}</uuid><bridge name='virbr7'/>
<ip family='ipv6' address='fd00:7::1' prefix='64'/></network>"""
MAC, OTHER_MAC, DUID = "52:54:00:00:00:08", "52:54:00:00:00:09", "00:03:00:01:52:54:00:00:00:08"
EIGHT = HostSpec(mac=MAC, ip="10.5.0.8", name="eight")
NINE = HostSpec(mac=OTHER_MAC, ip="10.5.0.9", name="nine", lease=43200)
SIX = HostSpec(duid=DUID, ip="fd00:5::6", name="six")
NAMED = HostSpec(ip="10.5.0.10", name="ten")
HOSTILE = "<script>alert('x')</script>"

Post = Callable[..., HttpResponse]


def at(network: Network, page: str = "hosts", *args: object) -> str:
    return reverse(f"networks:{page}", args=[network.hypervisor.name, network.name, *args])


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def found(network: Network, *hosts: HostSpec) -> None:
    """Record that libvirt has these entries."""
    DHCPHostStatus.objects.bulk_create(DHCPHostStatus.of(network, host) for host in hosts)


def reserved(network: Network) -> set[HostSpec]:
    return set(entries(again(network)).values())


def pushed(network: Network) -> list[tuple[str, int]]:
    return [("networks.tasks.push", network.pk)]


def tree(answer: HttpResponse):
    return html.fromstring(answer.content.decode())


def text(element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def table(answer: HttpResponse, name: str) -> list[list[str]]:
    return [[text(cell) for cell in row] for row in tree(answer).xpath(f"//table[@id='{name}']/tbody/tr")]


def filled(answer: HttpResponse) -> dict[str, str]:
    """Return what a browser sends for the form of the page."""
    (form,) = tree(answer).xpath("//main//form[@method='post']")
    typed = [each for each in form.inputs if each.get("type") != "checkbox" or each.checked]
    named = [each for each in typed if each.name not in (None, "csrfmiddlewaretoken")]
    return {each.name: (each.value or "").lstrip("\r\n") for each in named}


def errors(answer: HttpResponse) -> dict[str, str]:
    """Return the error of each field."""
    found = tree(answer).xpath("//div[@class='error']")
    return {each.get("id").removeprefix("id_").removesuffix("_error"): text(each) for each in found}


def said(answer: HttpResponse) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def paste(post: Post, network: Network, pasted: str, **more: str) -> HttpResponse:
    return post(at(network, "host_paste"), {"text": pasted, **more})
