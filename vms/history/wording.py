"""The words of the preview and refusals of a restoration, by code."""

TEXTS = {
    "memory": "Memory {was} MiB → {becomes} MiB",
    "vcpus": "vCPUs {was} → {becomes}",
    "next start": "It takes effect at the next start of the VM.",
    "guest network": "Change the guest network configuration mode",
    "guest": "Guest network configuration of NIC {mac}: {text}. The guest reads it at its next boot, or when you apply "
    "it now",
    "nothing set": "what its network offers",
    "keep": "Cancel the removal of NIC {mac}",
    "remove": "Remove NIC {mac} from the saved definition",
    "definition": "Change the saved definition of NIC {mac}",
    "other VM": "This version is of an earlier VM {vm} with the UUID {uuid}, which the current VM has replaced.",
    "image": "The image {image} of this version no longer exists on {hypervisor}, and the VM has not been created yet.",
    "disk deleted": "The disk {target} ({source}) of this version was deleted.",
    "disk detached": "The disk {target} ({source}) of this version is no longer attached to the VM.",
    "MAC": "The MAC {mac} of this version is in use by {holder}.",
    "MAC reserved": "An address of {network} is reserved for the MAC {mac} of this version. Only operators may use it.",
    "network": "The network {network} of NIC {mac} no longer exists on {hypervisor}.",
    "port group": "The network {network} no longer has the port group {group} of NIC {mac}.",
    "address": "The reserved address of NIC {mac}: {reason}",
    "NIC": "NIC {mac}: {reason}",
}


def say(code: str, **values: object) -> str:
    return TEXTS[code].format(**values)
