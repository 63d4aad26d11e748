"""The product's words for guests: what they do with their NICs, SSH, consoles. Pure: nothing is decided by them."""

from collections.abc import Mapping
from datetime import datetime

from virterweb.messages import Message, add_wording

#: Why a NIC is as it is, why it is not, or why not yet: ends of sentences.
REASONS = {
    "left alone": "left alone",
    "left alone by Virter": "left alone: Virter configures the first NIC only",
    "link down": "its link is down",
    "being reserved": "it is being reserved",
    "reserved not used": "the guest has leased it, but uses {used}: its network is configured by hand",
    "older lease": "its lease of {leased} is older; that changes when the guest renews it",
    "older lease until": "its lease of {leased} is older; that changes when the guest renews it, at the latest at "
    "{until}",
    "by hand": "the guest uses {used} and has asked for no lease: its network is configured by hand",
    "not asked yet": "the guest has not asked for an address yet",
    "not asked": "the guest has not asked for it: it is not up yet, or runs no DHCP client on this NIC",
    "other address": "the guest uses {used}",
    "static unknown": "{ip} is set in the guest, yet nobody can tell: {agent}",
    "leased, uses other": "the guest has leased {leased}, but uses {used}",
    "leased, not used": "the guest has leased {leased}, but does not use it",
    "outside": "the guest uses {used}, which is outside {blocks}",
    "no DHCP": "its network has no DHCP",
    "no DHCPv6": "its network has no DHCPv6",
    "lease not seen": "no lease of {used} was seen yet",
    "stray client": "a DHCP client runs on {card}, where none is wanted",
    "up with lease": "up, with a lease of {ips}",
    "up with address": "up, with {ips}",
    "up": "up, without address",
    "up, unknown": "up without address; nobody can tell: {agent}",
    "cloud-init running": "cloud-init is still running",
    "just plugged in": "it was just plugged in",
    "starting": "the guest is starting",
    "no answer": "a DHCP client runs on {card} and gets no answer",
    "plugged in": "it was plugged in while the guest ran, which has not configured it",
    "card up": "{card} is up in the guest, and has no address",
    "card down": "its interface {card} is down in the guest",
    "no client": "no DHCP client runs on {card}",
    "cloud-init failed": "cloud-init failed: {errors}",
    "cloud-init failed, silent": "cloud-init failed: it does not say why",
    "no cloud-init": "the image has no cloud-init, so nothing has configured it",
    "cloud-init off": "cloud-init is switched off in the guest, so nothing has configured it",
    "cloud-init not run": "cloud-init has not run in the guest, so nothing has configured it",
    "agent does not show": "{nothing}; the guest’s agent does not show it",
    "agent refuses": "{nothing}; the guest’s agent {refused}",
    "no agent": "{nothing}, and the guest has no agent that could tell why",
    "no agent answers": "{nothing}, and the guest has no agent that answers and tells why",
    "failed as well": "{reason}; cloud-init failed",
    "no IPv6": "no IPv6 address: {reason}",
}

NOTHING = {"no request": "it has not asked for an address", "no address": "it has no address"}

AGENTS = {
    "none": "the guest has no agent",
    "silent": "no agent answers in the guest",
    "not asked": "its agent was not asked yet",
    "unreadable": "its agent tells nothing that can be read",
    "forbidden": "its agent does not let the portal run a program",
}

#: Why an agent does not tell, as the end of a sentence, by the code of `GuestReport.refused`.
REFUSED = {"unreadable": "tells nothing that can be read", "forbidden": "does not let the portal run a program"}

FIXES = {
    "": "",
    "configure": "Configure it now, or reboot the guest.",
    "reboot": "Reboot the guest, or configure it there.",
    "link": "Set its link up, which is among its settings.",
    "renew": "Renew its lease in the guest, or reboot it.",
    "DHCP": "Switch DHCP on there, or give the NIC a static address.",
    "addresses": "See whether its network has addresses left.",
    "console": "Look at the console.",
    "console waits": "See at the console what it waits for.",
    "console up": "Look at the console: it is not up yet, or runs no DHCP client on this NIC.",
    "image": "Configure it in the guest, or run the VM from an image with cloud-init.",
    "in guest": "Configure it in the guest.",
}

STATES = {
    "as-wanted": "as wanted",
    "waiting": "waiting",
    "not-as-wanted": "not as wanted",
    "unknown": "unknown",
}

VERDICTS = {
    "reason": "{reason}",
    "address": "{address} is wanted: {reason}",
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
    "ssh.other_machine": "another machine answers at {address}, or its cloud-init has not begun: its host key is not "
    "this VM’s",
    "ssh.shut_out": "SSH does not let the portal in as {user}",
    "ssh.cloud_init": "cloud-init is still running",
    "ssh.silent": "SSH at {address} broke off: no answer within {seconds} s",
    "ssh.closed": "SSH at {address} broke off: the connection was closed",
    "ssh.broke_off": "SSH at {address} broke off: {problem}",
    "ssh.given_up": "did not become reachable within {seconds} s: {reason}",
}


def _not_run(reason: Message) -> str:
    text = str(reason).removesuffix(".")
    return NOT_RUN.format(reason=f"{text[:1].upper()}{text[1:]}")


NOT_RUN = "{reason}."

#: Why a guest's network was not configured, or need not be.
RUNS = {
    "guest.off": "The VM does not run.",
    "guest.as_virter": "In Virter-compatible mode the configuration contains no MAC addresses, so cloud-init cannot "
    "match the cards of a running guest.",
    "guest.nothing": "One NIC with DHCP: every image sets that up by itself, and its ISO has nothing to configure.",
    "guest.no_channel": "The VM has no channel for a guest agent.",
    "guest.no_agent": "The guest’s agent does not answer: qemu-guest-agent is not installed in it, or not up yet.",
    "guest.not_run": _not_run,
}

#: Why a console log cannot be read.
CONSOLES = {
    "console.empty": "Nothing was logged yet.",
    "console.elsewhere": "It is logged to {path} on the host, which is not in the pool {pool}: read it there.",
    "console.not_yet": "libvirt has no such VM yet.",
    "console.gone": "libvirt no longer has it.",
    "console.off": "It is not logged: the VM was run without a console log.",
    "console.no_folder": "It is not logged: the pool {pool} is no folder of files.",
    "console.not_logged": "It is not logged: the VM’s definition says nothing of a log. One that is run here from now "
    "on has it.",
}

add_wording(SSH | RUNS | CONSOLES)
