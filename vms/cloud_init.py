"""What a guest finds on its NoCloud ISO: names, keys, and how to bring up its NICs. Pure: values in, bytes out.

Follows cloud-init's NoCloud data source and network configuration version 2.
"""

from dataclasses import dataclass
from email import message_from_string
from email.charset import QP, Charset
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from hashlib import sha256
from io import BytesIO
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pycdlib
import yaml

KINDS = {  # what a part of user data begins with, the longer before the shorter
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
    """What a guest is to do with one of its NICs.

    `dhcp4`, `dhcp6` and `ra` (router advertisements; None: as the guest is used to) are what it asks for and listens
    to, `addresses` those that it has without asking, as 10.0.0.5/24, with `gateways` of theirs. It takes the default
    route that it is told of the families in `default_route`, ranked by `metric`. `dns` are servers to ask; with
    `use_dns` also those that DHCP names. An unmanaged NIC is left alone.
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
        """It is up, and nobody gives it an address."""
        return self.managed and not (self.dhcp4 or self.dhcp6 or self.ra or self.addresses)

    @property
    def plain(self) -> bool:
        """It does what every image does with its first NIC by itself."""
        return self == GuestNIC(mac=self.mac, dhcp4=True, default_route=self.default_route | {4})

    @property
    def families(self) -> frozenset[int]:
        """Those that somebody may tell it a default route for."""
        return frozenset(([4] if self.dhcp4 else []) + ([6] if self.ra or self.dhcp6 else []))

    @property
    def routeless(self) -> frozenset[int]:
        """Families whose default route it is not to take, though it may be offered one."""
        return self.families - self.default_route if self.managed else frozenset()


def meta_data(name: str) -> str:
    return _yaml({"instance-id": name, "local-hostname": name})


def user_data(
    *, name: str, domain: str, keys: tuple[str, ...], private_key: str, public_key: str, network: dict[str, object]
) -> str:
    """cloud-config as Virter gives it, and what `network_user_data` says is needed beside it."""
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
    """What the network's part needs of cloud-config.

    The network configuration is read at every boot, so that what was changed since the first one counts, and when a
    card is plugged in. Nothing else runs again by that: the instance stays the same.
    """
    when = {"updates": {"network": {"when": ["boot-new-instance", "boot", "hotplug"]}}}
    words = left_out(nics)
    return when | ({"bootcmd": [["sh", "-c", LEFT_OUT, "nics.sh", *words]]} if words else {})


def left_out(nics: tuple[GuestNIC, ...]) -> list[str]:
    """What `nics.sh` is to do, as its arguments."""
    refused = any(4 in nic.routeless for nic in nics)
    return [f"{nic.mac}={','.join(words)}" for nic in nics if (words := _words(nic, refused))]


def _words(nic: GuestNIC, refused: bool) -> list[str]:
    """`refused`: another NIC is not to take the IPv4 default route that it is offered."""
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
    """Version 2, every NIC matched by its MAC; None for one NIC that every image configures so by itself.

    By MAC, because the guest's names for NICs follow from PCI slots and its distribution. Version 2, because of
    version 1's NICs without an address the RHEL family leaves some down, and NetworkManager tries DHCP on them.
    `nics.sh` does what renderers leave out.
    """
    if len(nics) == 1 and nics[0].plain:
        return None
    managed = {f"nic{number}": nic for number, nic in enumerate(nics) if nic.managed}
    # The boot waits for one NIC: with none to wait for, systemd waits two minutes for any.
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
    """What netplan and networkd are not to take from DHCP, and how what they take ranks; the others know no such."""
    overrides: dict[str, object] = {}
    if family in nic.routeless:
        overrides["use-routes"] = False
    elif nic.metric is not None:
        overrides["route-metric"] = nic.metric
    if not nic.use_dns:
        overrides["use-dns"] = False
    return overrides


def virters_network_config(nics: tuple[GuestNIC, ...]) -> str | None:
    """Virter's own rule, for NICs without settings: the access NIC, and then the further ones.

    None, and so DHCP on the first NIC alone, unless all networks have DHCP. Each NIC stands there by two names that it
    may have in a guest: Virter does not know its MAC when it writes this.
    """
    access, *more = nics
    if (not more and not access.dhcp6) or any(not (nic.dhcp4 or nic.dhcp6) for nic in more):
        return None
    ethernets = {}
    for number, nic in enumerate(nics):
        asked = {family: True for family, dhcp in (("dhcp4", nic.dhcp4), ("dhcp6", nic.dhcp6)) if dhcp}
        ethernets |= {f"eth{number}": asked, f"enp{number + 1}s0": dict(asked)}
    return _yaml({"version": 2, "ethernets": ethernets})


def kind_of(text: str) -> str | None:
    """The MIME subtype of user data by its beginning, as cloud-init tells; None if it has none that is known."""
    start = text.lstrip()[:30].lower()
    if start.startswith(MIME):
        return "mixed"
    return next((kind for known, kind in KINDS.items() if start.startswith(known)), None)


def combined_user_data(ours: str, theirs: str) -> str:
    """Ours, with the user's own as a MIME part before it; what both set is the user's, and their lists are joined.

    cloud-init takes parts in their order, each by the rules that it names itself. Ours is the last, so nothing in the
    others, neither `merge_how` nor an archive, a message, or what is included, takes an item out of our lists: NICs
    are raised by `bootcmd`. Where a list is in both, ours comes first; a plain value of the user's stays.
    """
    if not theirs.strip():
        return ours
    message = MIMEMultipart(boundary=f"=_{sha256(theirs.encode()).hexdigest()}")  # the same whenever it is made
    kind = kind_of(theirs)
    theirs = theirs.lstrip() if kind else theirs  # a script's #! counts at the very beginning only
    message.attach(_message(theirs) if kind == "mixed" else MIMEText(theirs, kind or "cloud-config", _charset(theirs)))
    last = MIMEText(ours, "cloud-config", _charset(ours))
    last.add_header("Merge-Type", "list(prepend)+dict(no_replace,recurse_array)+str()")
    message.attach(last)
    return message.as_string()


def _message(text: str) -> Message:
    """A user's own message, whose parts are made ASCII: cloud-init takes others for Latin-1."""
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
    """An ISO 9660 image with Joliet and Rock Ridge names, its volume label `cidata`."""
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for number, (name, data) in enumerate(files.items()):
        path = f"/FILE{number}.;1"
        image.add_fp(BytesIO(data), len(data), path, rr_name=name, joliet_path=f"/{name}")
    out = BytesIO()
    image.write_fp(out)
    image.close()
    return out.getvalue()


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(values: dict) -> str:
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
