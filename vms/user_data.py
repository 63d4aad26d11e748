"""What is wrong with user data before a guest finds out, with the line. Pure: neither ORM nor libvirt.

cloud-init takes what begins with one of `cloud_init.KINDS`; everything else it gets as cloud-config from us.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import yaml

from . import cloud_config, cloud_schema
from .cloud_init import kind_of

MOST = 3  # errors, or warnings
# Bytes. Clouds take 16 to 64 KiB; the form sends it anew while it is typed, and what is longer can be fetched.
LIMIT = 200_000
LOST = "\N{REPLACEMENT CHARACTER}"  # Django's, for bytes that are no UTF-8

LISTS = {
    "bootcmd": "which raises NICs",
    "ssh_authorized_keys": "which lets people in",
}
SET = {
    "hostname": "the guest then has another name than the portal says",
    "fqdn": "the guest then has another name than the portal says",
    "ssh_keys": "the guest then shows another SSH host key than the portal knows",
    "network": "cloud-init takes no network from user data; the NICs have theirs from the portal",
    "disable_network_activation": "cloud-init then brings up no NIC",
}
NETWORK_FOLDERS = (
    *("/etc/cloud/cloud.cfg.d/", "/etc/netplan/", "/etc/network/", "/etc/systemd/network/", "/etc/NetworkManager/"),
    *("/etc/sysconfig/network-scripts/", "/etc/sysconfig/network", "/etc/resolv.conf"),
)


def errors(text: str) -> list[str]:
    """Why no guest could take it, a sentence each, the first few."""
    return list(_first_errors(text))


def warnings(text: str, schema: dict | None = None) -> list[str]:
    """What a guest may take and is odd, the first few; with cloud-init's schema, what that does not allow."""
    return _first(_warnings(text, schema)) if text.strip() else []


@lru_cache(maxsize=8)  # a form asks for them, then for the warnings; a long text takes a second
def _first_errors(text: str) -> tuple[str, ...]:
    return tuple(_first(_errors(text)))


def _first(found: Iterator[str]) -> list[str]:
    return [one for one, _ in zip(found, range(MOST), strict=False)]


def _errors(text: str) -> Iterator[str]:
    size = len(text.encode())
    if size > LIMIT:
        yield f"It has {size:,} bytes; at most {LIMIT:,} are taken. The guest can fetch what is longer, by #include."
        return
    if LOST in text:
        yield f"Line {text[: text.index(LOST)].count(chr(10)) + 1} has bytes that are no UTF-8."
    if not text.strip():
        return
    kind = kind_of(text)
    if kind in (None, "cloud-config"):
        yield from cloud_config.errors(text)
    elif kind == "cloud-config-archive":
        yield from cloud_config.errors(text, top=yaml.SequenceStartEvent)


def _warnings(text: str, schema: dict | None) -> Iterator[str]:
    kind = kind_of(text)
    if kind is None:
        number, line = next((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
        short = line.strip() if len(line) <= 40 else f"{line.strip()[:40]}…"
        yield (
            f"Line {number} is “{short}”, so this is neither cloud-config, which begins with #cloud-config, nor a "
            "script, which begins with #!. It is given to the guest as cloud-config."
        )
    if kind not in (None, "cloud-config") or errors(text):
        return
    root = cloud_config.nodes(text)
    if root is None:
        yield "There is nothing in it but comments."
        return
    for key, lost, counts in cloud_config.doubles(root):
        yield f"Line {counts} has {key} again: what line {lost} says of it is lost."
    judged = set()
    for key, line, value in cloud_config.children(root):
        for warning in JUDGES.get(key, _nothing)(key, value):
            judged.add(key)
            yield f"Line {line} {warning}."
    if schema is not None:
        deviations = cloud_schema.deviations(text, root, schema)
        yield from (sentence for key, sentence in deviations if key not in judged)


def _nothing(key: str, value: yaml.Node) -> Iterator[str]:
    yield from ()


def _sets(key: str, value: yaml.Node) -> Iterator[str]:
    yield f"sets {key}: {SET[key]}"


def _joins(key: str, value: yaml.Node) -> Iterator[str]:
    if not isinstance(value, yaml.SequenceNode):
        yield f"has {key}, which is no list: it cannot be joined with the portal’s, {LISTS[key]}"


def _updates(key: str, value: yaml.Node) -> Iterator[str]:
    """Whether it keeps the guest from taking NICs in that are plugged later."""
    network = dict(_pairs(value)).get("network")
    when = dict(_pairs(network)).get("when") if network else None
    kinds = ((value, yaml.MappingNode), (network, yaml.MappingNode), (when, yaml.SequenceNode))
    if any(node is not None and not isinstance(node, kind) for node, kind in kinds):
        yield "has updates that cannot be joined with the portal’s, by which NICs plugged later are configured"


def _stages(key: str, value: yaml.Node) -> Iterator[str]:
    steps = [step for _, _, step in cloud_config.children(value)]
    names = [step if isinstance(step, yaml.ScalarNode) else next(iter(step.value), step) for step in steps]
    if "bootcmd" not in [name.value for name in names]:
        yield f"has {key} without bootcmd, by which the portal raises NICs"


def _writes(key: str, value: yaml.Node) -> Iterator[str]:
    for _, _, file in cloud_config.children(value):
        path = dict(_pairs(file)).get("path")
        if isinstance(path, yaml.ScalarNode) and path.value.startswith(NETWORK_FOLDERS):
            yield f"writes {path.value}, which may take the place of the network configuration that the portal gives"


def _pairs(node: yaml.Node) -> list[tuple[str | int, yaml.Node]]:
    return [(key, value) for key, _, value in cloud_config.children(node)]


JUDGES: dict[str | int, Callable[[str, yaml.Node], Iterator[str]]] = {
    **dict.fromkeys(SET, _sets),
    **dict.fromkeys(LISTS, _joins),
    "updates": _updates,
    "cloud_init_modules": _stages,
    "write_files": _writes,
}
