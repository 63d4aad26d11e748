"""The texts for why an object is not rebuilt."""

from virterweb.messages import add_wording

add_wording(
    {
        "rebuild.other_network": "libvirt has another network with this name. Replace it with “network recreate "
        "{network}”, or adopt it with “network take-over {network}”",
        "rebuild.other_vm": "libvirt has another VM with this name. Adopt it with “vm take-over {vm}”, or rename it",
        "rebuild.pool": "the pool {pool} cannot be read: {reason}",
        "rebuild.volumes": lambda volumes: f"missing volumes: {', '.join(volumes)}",
    }
)
