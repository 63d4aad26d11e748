"""The SSH host through which users reach guests on networks that are not routed outside the hypervisor."""

from urllib.parse import urlsplit

from virterweb.hypervisors.models import Hypervisor

DIRECT = "none"  # what an operator sets if guests are reached without such a host, as in ssh_config
PRIVATE_MODES = ("", "nat")  # forward modes of networks that only the hypervisor itself reaches
SCHEMES = ("qemu+ssh", "qemu+libssh", "qemu+libssh2")


def jump_host(hypervisor: Hypervisor) -> str:
    """Return the host as for ssh's option -J: what the operator has set, else that of the URI; "" if there is none."""
    if hypervisor.ssh_host:
        return "" if hypervisor.ssh_host == DIRECT else hypervisor.ssh_host
    parts = urlsplit(hypervisor.uri)
    return parts.netloc if parts.scheme in SCHEMES else ""


def is_private(forward_mode: str | None) -> bool:
    """Return whether a network of this forward mode, "" for an isolated one, is reached from the hypervisor only."""
    return forward_mode in PRIVATE_MODES


def jump_to(hypervisor: Hypervisor, forward_mode: str | None) -> str:
    """Return the host through which a guest on such a network is reached, "" if none is needed or known."""
    return jump_host(hypervisor) if is_private(forward_mode) else ""
