"""Networks to edit, and how the form is filled in and saved."""

from django.contrib.messages import get_messages
from lxml import html

from networks.changes.forms.network import NetworkForm
from networks.changes.merge import as_text
from networks.definition.events import Event
from networks.models import Network
from tests.support.making import agree, make_network

RICH = """<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <!-- made by hand -->
  <name>rich</name>
  <uuid>{uuid}</uuid>
  <metadata><me:tag xmlns:me='http://example.org/me'>kept</me:tag></metadata>
  <title>Rich &amp; &lt;famous&gt; "net"</title>
  <description>first line
second &lt;line&gt;</description>
  <forward dev='eth0' mode='nat'>
    <nat ipv6='yes'><address start='203.0.113.8' end='203.0.113.9'/><port start='2000' end='3000'/></nat>
    <interface dev='eth0'/>
  </forward>
  <bridge name='virbr40' zone='trusted' stp='off' delay='0'/>
  <mtu size='9000'/>
  <domain name='lab.test' localOnly='yes'/>
  <dns>
    <forwarder domain='corp.test' addr='10.9.9.9'/>
    <forwarder addr='9.9.9.9'/>
    <txt name='example' value='a "value"'/>
    <srv service='sip' protocol='tcp' domain='lab.test' target='sip.lab.test' port='5060'/>
    <host ip='10.255.0.5'><hostname>mirror</hostname><hostname>www.lab</hostname></host>
  </dns>
  <bandwidth><inbound average='1000' peak='5000' burst='1024' floor='200'/><outbound average='900'/></bandwidth>
  <port isolated='yes'/>
  <ip address='10.255.0.1' prefix='24'>
    <tftp root='/srv/tftp'/>
    <dhcp>
      <range start='10.255.0.100' end='10.255.0.199'><lease expiry='12' unit='hours'/></range>
      <range start='10.255.0.210' end='10.255.0.219'/>
      <host mac='52:54:00:00:00:08' name='eight' ip='10.255.0.8'><lease expiry='0'/></host>
      <host mac='52:54:00:00:00:09' ip='10.255.0.9'/>
      <bootp file='pxelinux.0' server='10.255.0.3'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='fd00:255::1' prefix='64'>
    <dhcp><range start='fd00:255::100' end='fd00:255::1ff'/>
    <host id='00:04:58:fd:e4:15' ip='fd00:255::8'/><host name='six' ip='fd00:255::9'/></dhcp>
  </ip>
  <ip address='10.8.0.1' netmask='255.255.255.0' localPtr='yes'><dhcp>
    <range start='10.8.0.2' end='10.8.0.254'/></dhcp></ip>
  <route address='10.7.0.0' prefix='16' gateway='10.255.0.7' metric='5'/>
  <portgroup name='red' default='yes'><vlan trunk='yes'><tag id='10' nativeMode='untagged'/><tag id='20'/></vlan>
    <bandwidth><inbound average='10'/><outbound average='20' peak='30'/></bandwidth></portgroup>
  <portgroup name='blue'><virtualport type='802.1Qbh'><parameters profileid='tester'/></virtualport></portgroup>
  <dnsmasq:options><dnsmasq:option value='log-dhcp'/><dnsmasq:option value='local-ttl=5'/></dnsmasq:options>
</network>"""

SHOWN = {
    "name": "rich",
    "forward_mode": "nat",
    "ipv4": "10.255.0.1/24",
    "ipv6": "fd00:255::1/64",
    "dhcp": "on",
    "domain": "lab.test",
    "blocks": "10.8.0.1/24",
    "ranges": "10.255.0.100-10.255.0.199 12h\n10.255.0.210-10.255.0.219\nfd00:255::100-fd00:255::1ff",
    "hosts": "52:54:00:00:00:08 10.255.0.8 eight infinite\n52:54:00:00:00:09 10.255.0.9\n"
    "id:00:04:58:fd:e4:15 fd00:255::8\nfd00:255::9 six",
    "forward_devices": "eth0",
    "nat_ports": "2000-3000",
    "nat_addresses": "203.0.113.8-203.0.113.9",
    "nat_ipv6": "on",
    "dns": "yes",
    "local_only": "on",
    "dns_hosts": "10.255.0.5 mirror www.lab",
    "forwarders": "corp.test 10.9.9.9\n9.9.9.9",
    "tftp_root": "/srv/tftp",
    "boot_file": "pxelinux.0",
    "boot_server": "10.255.0.3",
    "routes": "10.7.0.0/16 via 10.255.0.7 metric 5",
    "bridge": "virbr40",
    "mtu": "9000",
    "isolated_ports": "on",
    "inbound": "1000,5000,1024,200",
    "outbound": "900",
    "port_groups": "red default vlan=10,20 native=10 in=10 out=20,30\nblue",
    "dnsmasq_options": "log-dhcp\nlocal-ttl=5",
    "title": 'Rich & <famous> "net"',
    "description": "first line\nsecond <line>",
    "autostart": "on",
}


def make_made(hypervisor, document: str, name: str) -> Network:
    """Create a managed network that libvirt has as desired, without VMs."""
    network = hypervisor.networks.filter(name=name).first() or make_network(hypervisor, name, "")
    network.change(Event.CHANGED, document=document.replace("{uuid}", network.uuid_text))
    spec = network.spec
    agree(network)
    network.status.write(
        **{"present": True, "active": True, "autostart": True, "document": network.full_document},
        **{"ip_range": spec.ip_range, "bridge": spec.bridge, "generation": network.generation},
        made_at=network.created_at,
    )
    return Network.objects.shown().get(pk=network.pk)


def open_form(client, network: Network) -> dict[str, str]:
    """Return what a browser sends if the form is saved as it is shown."""
    return shown(client.get(f"{network.get_absolute_url()}edit/"))


def shown(answer) -> dict[str, str]:
    tree = html.fromstring(answer.content.decode())
    fields = tree.xpath("//form[@id='change']//*[@name] | //*[@form='change']")
    values = {}
    for field in fields:
        if field.tag == "textarea":
            values[field.name] = (field.value or "").removeprefix("\n").replace("\n", "\r\n")
        elif field.get("type") != "checkbox" or field.checked:
            values[field.name] = field.value or ("on" if field.get("type") == "checkbox" else "")
    return values


def save(client, network: Network, typed: dict[str, str] | None = None, **changed: str | None):
    """Save the form as shown (or as `typed`) with some fields changed: first the plan, then the confirmation.

    None clears a check box.
    """
    data = {**(typed or open_form(client, network)), **changed}
    data = {name: value for name, value in data.items() if value is not None}
    preview = client.post(f"{network.get_absolute_url()}edit/preview/", data)
    tokens = html.fromstring(preview.content.decode()).xpath("//input[@name='token']/@value")
    return client.post(f"{network.get_absolute_url()}edit/", {**data, "token": tokens[0] if tokens else ""})


def fill_in(network: Network, **changed: str | None) -> NetworkForm:
    """Return the form as shown with some fields changed, without requests."""
    data = {**as_text(NetworkForm(network=network, user=None)), **changed}
    sent = {name: value for name, value in data.items() if value is not None}
    return NetworkForm(sent, network=network, user=None)


def errors(form: NetworkForm) -> dict[str, str]:
    return {field: " ".join(texts) for field, texts in form.errors.items()}


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def messages(answer) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))
