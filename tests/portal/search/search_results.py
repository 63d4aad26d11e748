"""What the search page shows."""

from datetime import timedelta

from django.utils import timezone
from lxml import html

from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Network
from tests.support.making import make_lease

MAC, OTHER, NOBODY = "52:54:00:00:00:08", "52:54:00:ab:cd:ef", "02:00:00:cc:00:01"
NET1 = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr1'/>
<ip address='10.255.0.1' prefix='24'><dhcp><range start='10.255.0.2' end='10.255.0.254'/></dhcp></ip>
<ip family='ipv6' address='fd00:1::1' prefix='64'/></network>"""


def rows(answer, identifier: str = "hits") -> list[list[str]]:
    assert answer.status_code == 200
    found = html.fromstring(answer.content).xpath(f"//table[@id='{identifier}']/tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in found]


def ips(answer) -> list[str]:
    return [row[0] for row in rows(answer)]


def said(answer) -> str:
    """Return the text of the page without the search box."""
    (main,) = html.fromstring(answer.content).xpath("//main")
    return " ".join(main.text_content().split())


def named(answer) -> list[str]:
    """Return the VMs and networks that have such a name."""
    items = html.fromstring(answer.content).xpath("//section[1]/ul/li")
    return [" ".join(item.text_content().split()).lower() for item in items]


def entry(network: Network, ip: str, mac: str = "", name: str = "") -> None:
    DHCPHostStatus.of(network, HostSpec(mac=mac, ip=ip, name=name)).save()


def ended(network: Network, mac: str, ip: str, hostname: str = "", vm: str = "") -> None:
    now = timezone.now()
    make_lease(network, mac, ip, hostname, vm=vm, first_seen=now - timedelta(days=2), last_seen=now - timedelta(days=1))


def free(answer) -> list[str]:
    """Return the targets of the "Reserve it" links."""
    return html.fromstring(answer.content).xpath("//a[.='Reserve it']/@href")
