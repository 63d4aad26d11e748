"""A network's definition as commands of virsh. Pure."""

import shlex

from networks.copies.common import delimiter, document_text, for_any_host
from networks.definition.document.parse import parse


def virsh(document: str, autostart: bool = True) -> str:
    """Return a shell script that defines the network and starts it, on any host where its name is free."""
    xml = document_text(for_any_host(document))
    end = delimiter(xml)
    name = shlex.quote(parse(document).name)
    lines = ["#!/bin/sh", "set -e", f"virsh net-define --file /dev/stdin <<'{end}'", xml, end]
    if autostart:
        lines.append(f"virsh net-autostart --network {name}")
    return "\n".join([*lines, f"virsh net-start --network {name}", ""])
