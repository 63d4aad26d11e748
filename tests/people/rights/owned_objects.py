"""Networks and VMs of members, and the forms that change them."""

from io import StringIO

from django.core.management import call_command

from networks.models import Network


def rich(network: Network) -> str:
    """Return the document of the network with an option that an operator set."""
    return network.full_document.replace("</network>", OPTION + "</network>")


OPTION = (
    "<dnsmasq:options xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>"
    "<dnsmasq:option value='dhcp-script=/bin/sh'/></dnsmasq:options>"
)


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def add(page, lab, **fields):
    sent = {"hypervisor": lab.pk, "name": "net9", "forward_mode": "nat", "ipv4": "10.1.0.1/24", "dhcp": "on"}
    return page.post("/networks/add/", {**sent, **fields})
