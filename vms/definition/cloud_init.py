"""The content of a guest's NoCloud ISO: names, keys and network configuration. Pure: values in, bytes out.

Follows cloud-init's NoCloud data source and network configuration version 2.
"""

from dataclasses import dataclass
from email import message_from_string
from email.charset import QP, Charset
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from functools import cache
from hashlib import sha256
from io import BytesIO
from ipaddress import ip_address, ip_interface
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

KINDS = {  # the beginnings of parts of user data, longer ones first
    "#cloud-config-archive": "cloud-config-archive",
    "#cloud-config-jsonp": "cloud-config-jsonp",
    "#cloud-config": "cloud-config",
    "#!": "x-shellscript",
    "#cloud-boothook": "cloud-boothook",
    "#include-once": "x-include-once-url",
    "#include": "x-include-url",
    "#part-handler": "part-handler",
    "## template: jinja": "jinja2",
}
LEFT_OUT = (Path(__file__).parent / "nics.sh").read_text()
MIME = ("content-type: multipart/", "mime-version:")  # a message of several parts


@dataclass(frozen=True, kw_only=True)
class GuestNIC:
    """The configuration of a NIC in the guest.

    `dhcp4`, `dhcp6` and `ra` (router advertisements; None: the guest's default) are what it requests or accepts,
    `addresses` its static ones, like 10.0.0.5/24, with their `gateways`. It accepts a default route of the families in
    `default_route`, with the given `metric`. `dns` are servers to use; with `use_dns` those from DHCP are used as well.
    An unmanaged NIC is not configured.
    """

    mac: str
    dhcp4: bool = False
    dhcp6: bool = False
    ra: bool | None = None
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    use_dns: bool = True
    mtu: int | None = None
    default_route: frozenset[int] = frozenset()
    metric: int | None = None
    managed: bool = True

    @property
    def silent(self) -> bool:
        """Return whether the NIC is only brought up, without an address."""
        return self.managed and not (self.dhcp4 or self.dhcp6 or self.ra or self.addresses)

    @property
    def plain(self) -> bool:
        """Return whether the configuration is what every image does with its first NIC by default."""
        return self == GuestNIC(mac=self.mac, dhcp4=True, default_route=self.default_route | {4})

    @property
    def families(self) -> frozenset[int]:
        """Return the families for which a default route may be offered."""
        return frozenset(([4] if self.dhcp4 else []) + ([6] if self.ra or self.dhcp6 else []))

    @property
    def routeless(self) -> frozenset[int]:
        """Return the families whose default route it must not accept."""
        return self.families - self.default_route if self.managed else frozenset()


def meta_data(name: str) -> str:
    return _yaml({"instance-id": name, "local-hostname": name})


def user_data(
    *, name: str, domain: str, keys: tuple[str, ...], private_key: str, public_key: str, network: dict[str, object]
) -> str:
    """Return cloud-config as Virter gives it, with the needs of `network_user_data`."""
    values: dict[str, object] = {
        "disable_root": False,
        "ssh_pwauth": True,
        "ssh_authorized_keys": list(keys),
        "ssh_keys": {"rsa_private": private_key, "rsa_public": public_key},
        "preserve_hostname": False,
        "hostname": name,
        "fqdn": f"{name}.{domain}" if domain else name,
    }
    return "#cloud-config\n" + _yaml(values | network)


def network_user_data(nics: tuple[GuestNIC, ...]) -> dict[str, object]:
    """Return the cloud-config that the network configuration needs.

    The network configuration is read at every boot, so that changes after the first one take effect, and when a NIC is
    plugged in. Nothing else runs again: the instance ID stays the same.
    """
    when = {"updates": {"network": {"when": ["boot-new-instance", "boot", "hotplug"]}}}
    words = left_out(nics)
    return when | ({"bootcmd": [["sh", "-c", LEFT_OUT, "nics.sh", *words]]} if words else {})


def left_out(nics: tuple[GuestNIC, ...]) -> list[str]:
    """Return the arguments of `nics.sh`."""
    refused = any(4 in nic.routeless for nic in nics)
    return [f"{nic.mac}={','.join(words)}" for nic in nics if (words := _words(nic, refused))]


def _words(nic: GuestNIC, refused: bool) -> list[str]:
    """Return arguments of `nics.sh`; `refused`: another NIC must not accept the offered IPv4 default route."""
    if not nic.managed:
        return []
    own = {ip_interface(address).version for address in nic.addresses}
    words = {
        "up": nic.silent,
        f"mtu-{nic.mtu}": nic.mtu,
        **{f"via-{gateway}": True for gateway in nic.gateways},
        "route-4": refused and nic.dhcp4 and 4 in nic.default_route,
        **{f"no-route-{family}": True for family in sorted(nic.routeless)},
        f"metric-{nic.metric}": nic.metric is not None and 4 in nic.default_route,
        **{f"dns-{server}": True for server in nic.dns},
        "no-dns": nic.families and not nic.use_dns,
        "no-ipv4": not nic.dhcp4 and 4 not in own,
        "no-ipv6": (nic.silent or nic.ra is False) and not nic.dhcp6 and 6 not in own,
    }
    return [word for word, needed in words.items() if needed]


def network_config(nics: tuple[GuestNIC, ...]) -> str | None:
    """Return version 2, with every NIC matched by its MAC; None for one NIC that every image configures so.

    The guest's names of NICs depend on PCI slots and its distribution, hence the MAC. With version 1, the RHEL family
    leaves some NICs without an address down, and NetworkManager tries DHCP on them. `nics.sh` does what renderers omit.
    """
    if len(nics) == 1 and nics[0].plain:
        return None
    managed = {f"nic{number}": nic for number, nic in enumerate(nics) if nic.managed}
    # The boot waits for one NIC: without one, systemd waits two minutes for any NIC.
    waited = next((name for name, nic in managed.items() if not nic.silent), None)
    ethernets = {name: _ethernet(nic, optional=name != waited) for name, nic in managed.items()}
    return _yaml({"version": 2, "ethernets": ethernets})


def _ethernet(nic: GuestNIC, *, optional: bool) -> dict[str, object]:
    config: dict[str, object] = {
        "match": {"macaddress": nic.mac},
        "dhcp4": nic.dhcp4,
        "dhcp6": nic.dhcp6,
    }
    if optional:
        config["optional"] = True
    if nic.ra is not None:
        config["accept-ra"] = nic.ra
    if nic.mtu:
        config["mtu"] = nic.mtu
    if nic.addresses:
        config["addresses"] = list(nic.addresses)
    for gateway in nic.gateways:
        # gateway4 is deprecated; cloud-init 22.4 knows no destination "default", and makes ::/0 a /64.
        four = ip_address(gateway).version == 4
        ranked = {"metric": nic.metric} if nic.metric is not None else {}
        config |= {"routes": [{"to": "0.0.0.0/0", "via": gateway} | ranked]} if four else {"gateway6": gateway}
    if nic.dns:
        config["nameservers"] = {"addresses": list(nic.dns)}
    for family in (4, 6):
        if (nic.dhcp4 if family == 4 else nic.dhcp6) and (overrides := _overrides(nic, family)):
            config[f"dhcp{family}-overrides"] = overrides
    return config


def _overrides(nic: GuestNIC, family: int) -> dict[str, object]:
    """Return what netplan and networkd ignore from DHCP, and metrics; other renderers have no such settings."""
    overrides: dict[str, object] = {}
    if family in nic.routeless:
        overrides["use-routes"] = False
    elif nic.metric is not None:
        overrides["route-metric"] = nic.metric
    if not nic.use_dns:
        overrides["use-dns"] = False
    return overrides


def virters_network_config(nics: tuple[GuestNIC, ...]) -> str | None:
    """Return the network configuration of NICs by Virter's rule: the access NIC, then the further ones.

    None, and so DHCP on the first NIC only, if further ones are left alone. Each NIC has an entry for each of two
    possible names in the guest: Virter does not know its MAC at this point.
    """
    if not nics or (len(nics) == 1 and not nics[0].dhcp6) or not all(nic.managed for nic in nics):
        return None
    ethernets = {}
    for number, nic in enumerate(nics):
        requests = {family: True for family, dhcp in (("dhcp4", nic.dhcp4), ("dhcp6", nic.dhcp6)) if dhcp}
        ethernets |= {f"eth{number}": requests, f"enp{number + 1}s0": dict(requests)}
    return _yaml({"version": 2, "ethernets": ethernets})


def kind_of(text: str) -> str | None:
    """Return the MIME subtype of user data by its beginning, as cloud-init detects it; None if it is unknown."""
    if is_message(text):
        return "mixed"
    start = text.lstrip()[:30].lower()
    return next((kind for known, kind in KINDS.items() if start.startswith(known)), None)


def is_message(text: str) -> bool:
    """Return whether the text is a MIME message: headers, perhaps after a mailbox's From line."""
    lines = text.lstrip()[:4096].lower().splitlines()
    if lines and lines[0].startswith("from "):
        lines = lines[1:]
    head = list(takewhile(lambda line: line.strip() and (":" in line or line[0] in " \t"), lines))
    return bool(head) and not head[0].startswith("#") and any(line.startswith(MIME) for line in head)


def combined_user_data(portal_data: str, added: str) -> str:
    """Return the portal's user data with the user's as a MIME part before it.

    cloud-init merges parts in order, each by its own merge rules. The portal's is the last, so that nothing in the
    other parts (`merge_how`, archives, messages, includes) removes an item from its lists: `bootcmd` brings up NICs. In
    lists of both, the portal's items come first; a plain value of the user's is kept.
    """
    if not added.strip():
        return portal_data
    message = MIMEMultipart(
        boundary=f"=_{sha256(added.encode()).hexdigest()}"
    )  # the boundary depends only on the content
    kind = kind_of(added)
    added = added.lstrip() if kind else added  # a script's #! counts at the very beginning only
    message.attach(_message(added) if kind == "mixed" else MIMEText(added, kind or "cloud-config", _charset(added)))
    last = MIMEText(portal_data, "cloud-config", _charset(portal_data))
    last.add_header("Merge-Type", "list(prepend)+dict(no_replace,recurse_array)+str()")
    message.attach(last)
    return message.as_string()


def _message(text: str) -> Message:
    """Return a user's message with its parts encoded as ASCII: cloud-init reads others as Latin-1."""
    message = message_from_string(text)
    for part in message.walk():
        if not part.is_multipart() and not (content := part.get_payload()).isascii():
            del part["Content-Transfer-Encoding"]
            part.set_payload(content, _charset(content))
    return message


def _charset(text: str) -> Charset:
    """ASCII as it is; else UTF-8 whose letters can still be read, rather than Base64."""
    charset = Charset("us-ascii" if text.isascii() else "utf-8")
    charset.body_encoding = None if text.isascii() else QP
    return charset


def iso(files: dict[str, bytes]) -> bytes:
    """Return an ISO 9660 image with Joliet and Rock Ridge names and the volume label `cidata`."""
    import pycdlib

    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for number, (name, data) in enumerate(files.items()):
        path = f"/FILE{number}.;1"
        image.add_fp(BytesIO(data), len(data), path, rr_name=name, joliet_path=f"/{name}")
    out = BytesIO()
    image.write_fp(out)
    image.close()
    return out.getvalue()


@cache
def _dumper() -> "type[yaml.SafeDumper]":
    """Return a dumper that writes text of several lines as literal blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def represent(dumper: Dumper, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, represent)
    return Dumper


def _yaml(values: dict) -> str:
    import yaml

    return yaml.dump(values, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10_000)
