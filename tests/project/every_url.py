"""Every URL of the portal, with an address of each."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver, reverse


def urls(patterns: list, names: tuple[str, ...] = ()) -> Iterator[tuple[str, str | None, URLPattern]]:
    """Every pattern with its namespace and name, but those of the admin."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from urls(pattern.url_patterns, (*names, pattern.namespace))
        else:
            yield ":".join(filter(None, names)), pattern.name, pattern


def route(pattern: URLPattern, space: str) -> str:
    """Return the path of a pattern as documents write it, `/networks/HYPERVISOR/NAME/`."""
    prefix = "networks/" if space == "networks" else ""
    text = str(pattern.pattern).strip("^$").removesuffix(r"\Z").replace("\\", "")
    return "/" + prefix + re.sub(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)", lambda m: (m[1] or m[2]).upper(), text)


OF_NETWORK = ("attached", "attached_table", "group_attached", "network_traffic", "network_traffic_table")
ALL = list(urls(get_resolver().url_patterns))


def address(space: str, name: str | None, pattern: URLPattern, things: dict) -> str:
    if name is None:
        return "/favicon.ico"
    values = {key: things.get(key) for key in pattern.pattern.converters or pattern.pattern.regex.groupindex}
    if "name" in values:
        of_vm = space == "vms" and name not in OF_NETWORK
        of_vm = of_vm or (space, name) == ("portal", "problems")
        values["name"] = (
            {"adopt": "external"}.get(name, "alma-8-8") if of_vm else {"adopt": "default"}.get(name, "net1")
        )
    if name and name.startswith("template_") and "name" in values:
        values["name"] = "web"
    if name in ("image_remove", "image_convert", "image_retry", "image_export", "image_file"):
        values["name"] = "alma-8"
    if name in ("pool", "pool_table", "pool_refresh") or (name and name.startswith("unused_volumes")):
        values["name"] = "default"
    if name in ("lease_reserve", "lease_release"):
        values["pk"] = things["lease"]
    if name == "last_definition":
        values["pk"] = things["last_definition"]
    if name == "help":
        values["page"] = "network"
    if name == "columns":
        values["table"] = "networks"
    if name == "topology_file":
        values["suffix"] = "svg"
    if name == "medium":
        values["target"] = "sdb"
    if (space, name) == ("vms", "revision"):
        values["pk"] = things["vm_revision"]
    if name in ("snapshot_revert", "snapshot_delete"):
        values["pk"] = things["snapshot"]
    if name in ("capture_stop", "capture_delete", "capture_file"):
        values["pk"] = things["capture"]
    return reverse(f"{space}:{name}" if space else name, kwargs=values)
