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
MIME = ("content-type: multipart/", "mime-version:")  # a message of several parts


@dataclass(frozen=True, kw_only=True)
class GuestNIC:
    """A NIC, and which address families its network serves by DHCP."""

    mac: str
    dhcp4: bool
    dhcp6: bool


def meta_data(name: str) -> str:
    return _yaml({"instance-id": name, "local-hostname": name})


def user_data(
    *, name: str, domain: str, keys: tuple[str, ...], private_key: str, public_key: str, silent_macs: tuple[str, ...]
) -> str:
    """cloud-config as Virter gives it; NICs without DHCP (`silent_macs`) are raised by MAC at every boot.

    No network configuration alone raises them on every distribution, so a boot command does.
    """
    values: dict[str, object] = {
        "disable_root": False,
        "ssh_pwauth": True,
        "ssh_authorized_keys": list(keys),
        "ssh_keys": {"rsa_private": private_key, "rsa_public": public_key},
        "preserve_hostname": False,
        "hostname": name,
        "fqdn": f"{name}.{domain}" if domain else name,
    }
    if silent_macs:
        pattern = "|".join(silent_macs)
        values["bootcmd"] = [
            [
                "sh",
                "-c",
                f"for d in /sys/class/net/*; do case $(cat $d/address) in {pattern}) ip link set dev ${{d##*/}} up;; "
                "esac; done",
            ]
        ]
    return "#cloud-config\n" + _yaml(values)


def network_config(nics: tuple[GuestNIC, ...]) -> str | None:
    """Version 2, every NIC matched by its MAC; None for one NIC on a plain DHCPv4 network, which needs none.

    The default route comes from the first NIC with DHCP; the others' routes rank behind it.
    """
    if len(nics) == 1 and nics[0].dhcp4 and not nics[0].dhcp6:
        return None
    ethernets = {}
    for number, nic in enumerate(nics):
        config: dict[str, object] = {
            "match": {"macaddress": nic.mac},
            "dhcp4": nic.dhcp4,
            "dhcp6": nic.dhcp6,
            "optional": True,
        }
        if number and nic.dhcp4:
            config["dhcp4-overrides"] = {"route-metric": 100 + 100 * number}
        ethernets[f"nic{number}"] = config
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


def _yaml(values: dict) -> str:
    return yaml.safe_dump(values, sort_keys=False, width=10_000)
