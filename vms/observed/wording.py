"""The texts for guests: what they do with their NICs, SSH, consoles. Pure: no decision depends on them."""

from collections.abc import Mapping
from datetime import datetime

from virterweb.messages import Message, add_wording

#: Why a NIC is as it is, why it is not, or why not yet: ends of sentences.
REASONS = {
    "not configured": "not configured",
    "left alone by Virter": "not configured: Virter configures only the first NIC",
    "link down": "its link is down",
    "being reserved": "it is being reserved",
    "reserved not used": "the guest has leased it, but uses {used}, because its network is configured manually",
    "older lease": "its lease of {leased} is older; that changes when the guest renews it",
    "older lease until": "its lease of {leased} is older; that changes when the guest renews it, at the latest at "
    "{until}",
    "by hand": "the guest uses {used} and has not requested a lease, because its network is configured manually",
    "not asked yet": "the guest has not requested an address yet",
    "not asked": "the guest has not requested it. It has not booted yet, or no DHCP client runs on this NIC",
    "other address": "the guest uses {used}",
    "static unknown": "{ip} is configured in the guest, but this cannot be verified: {agent}",
    "leased, uses other": "the guest has leased {leased}, but uses {used}",
    "leased, not used": "the guest has leased {leased}, but does not use it",
    "outside": "the guest uses {used}, which is outside {blocks}",
    "no DHCP": "its network has no DHCP",
    "no DHCPv6": "its network has no DHCPv6",
    "lease not seen": "no lease of {used} was seen yet",
    "stray client": "a DHCP client runs on {card}, which should have none",
    "up with lease": "up, with a lease of {ips}",
    "up with address": "up, with {ips}",
    "up": "up, without address",
    "up, unknown": "up without address, but this cannot be verified: {agent}",
    "cloud-init running": "cloud-init is still running",
    "just plugged in": "it was just added",
    "starting": "the guest is starting",
    "no answer": "a DHCP client runs on {card} and gets no answer",
    "plugged in": "it was added while the guest was running, and the guest has not configured it",
    "card up": "{card} is up in the guest, and has no address",
    "card down": "its interface {card} is down in the guest",
    "no client": "no DHCP client runs on {card}",
    "cloud-init failed": "cloud-init failed: {errors}",
    "cloud-init failed, silent": "cloud-init failed without an error message",
    "no cloud-init": "the image has no cloud-init, so nothing has configured it",
    "cloud-init off": "cloud-init is disabled in the guest, so nothing has configured it",
    "cloud-init not run": "cloud-init has not run in the guest, so nothing has configured it",
    "agent does not show": "{nothing}; the guest agent does not list it",
    "agent refuses": "{nothing}; the guest agent {refused}",
    "no agent": "{nothing}, and the guest has no agent that could report the reason",
    "no agent answers": "{nothing}, and the guest agent does not answer, so the reason is unknown",
    "failed as well": "{reason}; cloud-init failed",
    "no IPv6": "no IPv6 address: {reason}",
}

NOTHING = {"no request": "it has not requested an address", "no address": "it has no address"}

AGENTS = {
    "none": "the guest has no agent",
    "silent": "the guest agent does not answer",
    "not asked": "the guest agent has not been queried yet",
    "unreadable": "the guest agent returns unreadable data",
    "forbidden": "the guest agent does not allow the portal to run a program",
}

#: Why an agent does not tell, as the end of a sentence, by the code of `GuestReport.refused`.
REFUSED = {"unreadable": "returns unreadable data", "forbidden": "does not allow the portal to run a program"}

FIXES = {
    "": "",
    "configure": "Apply the network configuration now, or reboot the guest.",
    "reboot": "Reboot the guest, or configure the NIC in the guest.",
    "link": "Set its link up, or end the isolation of the VM.",
    "renew": "Renew the lease in the guest, or reboot the guest.",
    "DHCP": "Turn DHCP on in the network, or give the NIC a static address.",
    "addresses": "Check whether the network has free addresses.",
    "console": "Check the console.",
    "console waits": "Check on the console what the guest is waiting for.",
    "console up": "Check the console. The guest has not booted yet, or no DHCP client runs on this NIC.",
    "image": "Configure the NIC in the guest, or run the VM from an image with cloud-init.",
    "in guest": "Configure the NIC in the guest.",
}

STATES = {
    "as-wanted": "OK",
    "waiting": "waiting",
    "not-as-wanted": "mismatch",
    "unknown": "unknown",
}

VERDICTS = {
    "reason": "{reason}",
    "address": "expected {address}: {reason}",
    "fix": "{reason}. {fix}",
    "and": " and ",
}


def _shown(name: str, found: object) -> str:
    match name:
        case "reason":
            return reason(*found)
        case "until" if isinstance(found, datetime):
            return f"{found.astimezone():%H:%M}"
        case "ips":
            return VERDICTS["and"].join(found)
        case "blocks":
            return ", ".join(found)
        case "nothing":
            return NOTHING[str(found)]
        case "agent":
            return AGENTS.get(str(found), str(found))
        case "refused":
            return REFUSED.get(str(found), str(found))
    return str(found)


def reason(code: str, about: Mapping[str, object]) -> str:
    return REASONS[code].format(**{name: _shown(name, found) for name, found in about.items()}) if code else ""


def fix(code: str) -> str:
    return FIXES[code]


def verdict(why: str, remedy: str, address: str) -> str:
    """Return a whole verdict as a sentence or two, from the texts of its parts."""
    text = VERDICTS["address" if address else "reason"].format(address=address, reason=why)
    return VERDICTS["fix"].format(reason=text, fix=remedy) if remedy else text


#: Why SSH to a guest does not work yet, as ends of sentences.
SSH = {
    "ssh.not_tried": "it is about to be tried",
    "ssh.no_address": "it has no address yet",
    "ssh.other_machine": "another machine answers at {address}, or cloud-init has not started: the host key is not "
    "that of this VM",
    "ssh.shut_out": "the portal cannot log in by SSH as {user}",
    "ssh.cloud_init": "cloud-init is still running",
    "ssh.silent": "the SSH connection to {address} was interrupted: no answer within {seconds} s",
    "ssh.closed": "the SSH connection to {address} was closed",
    "ssh.broke_off": "the SSH connection to {address} was interrupted: {problem}",
    "ssh.unknown": "could not be checked within {seconds} s: {reason}",
    "ssh.given_up": "did not become reachable within {seconds} s: {reason}",
}


def _not_run(reason: Message) -> str:
    text = str(reason).removesuffix(".")
    return NOT_RUN.format(reason=f"{text[:1].upper()}{text[1:]}")


NOT_RUN = "{reason}."

#: Why a guest's network was not configured, or need not be.
RUNS = {
    "guest.off": "The VM is not running.",
    "guest.as_virter": "In Virter-compatible mode the configuration contains no MAC addresses, so cloud-init cannot "
    "match the NICs of a running guest.",
    "guest.nothing": "The VM has one NIC with DHCP. Every image configures this itself, so the ISO contains no "
    "network configuration.",
    "guest.no_channel": "The VM has no channel for a guest agent.",
    "guest.no_agent": "The guest agent does not answer. qemu-guest-agent is not installed in the guest, or has not "
    "started yet.",
    "guest.not_run": _not_run,
}

#: Why a console log cannot be read.
CONSOLES = {
    "console.empty": "The log is still empty.",
    "console.elsewhere": "The console is logged to {path} on the host, outside the pool {pool}. Read it there.",
    "console.not_yet": "libvirt does not have the VM yet.",
    "console.gone": "libvirt no longer has the VM.",
    "console.off": "The VM was run without a console log.",
    "console.no_folder": "There is no console log, because the pool {pool} is not a directory.",
    "console.not_logged": "There is no console log, because the definition of the VM has none. New VMs have one.",
}

#: Why an open console was closed, or does not open; the gateway has those of libvirt.
OPEN_CONSOLES = {
    "consoles.elsewhere": "Another web server of the portal has the serial console of {name} open.",
    "consoles.taken_over": "Somebody has taken over the serial console of {name} on another web server of the portal.",
    "consoles.no_right": "You may no longer open this console.",
    "consoles.idle": "The console was closed because you have not used it for {hours} hours.",
    "consoles.too_many": "You have {count} consoles open, which is the maximum. Close one of them.",
    "consoles.portal_full": "The portal has {count} consoles open, which is the maximum. Try again later.",
    "consoles.too_large": "The console was closed because the browser sent more than {size} bytes at once.",
    "consoles.password": "The display of {name} does not accept the password that libvirt knows, or needs another kind "
    "of login.",
    "consoles.no_vnc": "The display of {name} does not speak the VNC protocol ({problem}).",
    "consoles.ended": "The display of {name} has closed the connection.",
    "consoles.bug": "The portal has an internal error. Its log says more.",
}

add_wording(SSH | RUNS | CONSOLES | OPEN_CONSOLES)
