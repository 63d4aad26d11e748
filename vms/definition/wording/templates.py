"""The texts for templates: what was done with one, and what it has that no longer exists. Pure."""

from virterweb.messages import add_wording

EVENTS = {
    "added": "added",
    "edited": "edited",
    "renamed": "edited, and renamed from {before}",
    "deleted": "deleted",
    "handed over": "handed over from {before} to {after}",
    "handed over to team": "handed over from the team {before_team} to {after_team}",
    "handed over to both": "handed over from {before} to {after}, and from the team {before_team} to {after_team}",
    "shared": "shared with {recipient} as {level}",
    "no longer shared": "no longer shared with {recipient}",
}

add_wording(
    {
        "template.image": "The image {image} is not on {hypervisor}. Choose another one.",
        "template.no_image": "The image of {template} does not exist on {hypervisor}, or you may not see it. Choose "
        "another one.",
        "template.unreadable": "Values of {template} that cannot be read are left out: {values}.",
        "template.arch": "The architecture {arch} is left out, because {hypervisor} has no emulator for it.",
        "template.network": "NIC {number} is left out, because {hypervisor} has no network {network}.",
        "template.no_network": "NIC {number} is left out, because its network does not exist on {hypervisor}, or you "
        "may not see it.",
        "template.not_allowed": "NIC {number} is left out. {reason}",
        "template.host_place": "NIC {number} is left out, because only operators may attach NICs to {place}.",
        "template.of_host": "The console log folder and the VNC address are left out, because only operators may "
        "choose them.",
        "template.pool": "The disk {disk} is placed in the pool of the hypervisor. {reason}",
        "template.user_data": "The user data of {object} is not copied, because it may contain passwords, which you "
        "may not see.",
    }
)
