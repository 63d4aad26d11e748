"""The texts about users of addresses. Pure: no decision depends on them."""

from functools import partial

from virterweb.messages import add_wording

WHO = {"known": "{known} ({mac})", "other": "{known}"}


def guest(known: str, mac: str) -> str:
    """Return a guest by the name that it is known by, and its MAC or another mark of it; either may be empty."""
    if known and mac:
        return WHO["known"].format(known=known, mac=mac)
    return WHO["other"].format(known=known or mac)


USERS = {
    "reserved": "{ip} is reserved for {guest}.",
    "reported": "{ip} is used by {guest}.",
    "leased": "{ip} is leased to {guest}.",
}


def _user(how: str, ip: str, known: str, mac: str) -> str:
    return USERS[how].format(ip=ip, guest=guest(known, mac))


add_wording({f"user.{how}": partial(_user, how) for how in USERS})
