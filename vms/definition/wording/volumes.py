"""The texts for volumes: what uses them, and why they are not deleted. Pure."""

from virterweb.messages import Message, add_wording

#: What was done with a volume.
EVENTS = {
    "deleted": "deletion requested",  # of earlier versions
    "deleted from pool": "deletion from pool {pool} requested",
}


def _used_by_vm(vms: list[str]) -> str:
    return f"The VM {', '.join(vms)} uses it."


def _in_use(volume: str, reason: Message) -> str:
    return f"The volume {volume} was not deleted. {reason}"


def _unreadable(count: int, name: str, reason: Message) -> str:
    if count == 1:
        return f"the volume {name} cannot be read: {reason}"
    return f"{count} volumes cannot be read, such as {name}: {reason}"


add_wording(
    {
        "pool.unreadable_volumes": _unreadable,
        "pool.some_unreadable": lambda count: f"{count} {'volume' if count == 1 else 'volumes'} cannot be read",
        "pool.hidden_problem": "operators can see the reason",
        "volume.used_by_vm": _used_by_vm,
        "volume.used_by_overlay": "The volume {user} is an overlay on it.",
        "volume.used_by_image": "It belongs to the image {user}.",
        "volume.kept_for_vm": lambda vms: f"It belongs to the VM {', '.join(vms)}, which can be recreated.",
        "volume.used_elsewhere": "A VM of another hypervisor uses a volume of this name. The pools may be the same.",
        "volume.in_use": _in_use,
        "volume.unreadable_vm": lambda vms: (
            f"The volume was not deleted. The VM {', '.join(vms)} cannot be read and might use it."
        ),
        "volume.changed": "The volume {volume} was not deleted, because it has changed. Check it again.",
    }
)
