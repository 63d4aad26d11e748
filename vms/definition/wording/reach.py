"""The texts of why a guest cannot be reached, or a script not be run there. Without full stop. Pure."""

from virterweb.messages import add_wording

MESSAGES = {
    "reach.no_program": "{program} is not installed. Install it, then try again",
    "reach.off": "{vm} is not running. Start it with “vm start {vm}”",
    "reach.no_key": "The SSH host key of {vm} is unknown, because neither the portal nor Virter created the VM",
    "reach.no_address": "No address of {vm} is known yet. Wait until the guest has a lease, or check its NICs",
    "reach.no_path": "Copy from or to a VM: write the path in it as NAME:PATH",
    "reach.two_places": "All sources must be on this machine, or all in the same VM",
    "reach.two_vms": "Files cannot be copied from a VM to a VM. Copy them to this machine first",
    "reach.bad_setting": "{text} is not a setting. Write it as NAME=VALUE, where NAME is a shell variable",
    "reach.nothing_to_run": "Give a file with --provision, or a command after --",
    "reach.both_to_run": "Give either a file with --provision, or a command after --",
    "reach.no_file": "{path} cannot be read: {reason}",
    "reach.no_toml": "{path} is not valid TOML: {reason}",
    "reach.unknown_step": "Step {number} of {path} is not a shell or rsync step. Other steps are not supported",
    "reach.values": "{path} has values for templates, which are not supported. Use --set and shell variables",
}

add_wording(MESSAGES)
