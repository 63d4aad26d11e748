"""Who may call which page by which method, as a table: `docs/permissions.md` is made of it.

`python -m tests.project.permissions` writes that file.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.administration import every_page
from virterweb.people.verbs import ALLOWS, OWNER, ROLES, Verb

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/permissions.md"
ANYONE, SIGNED_IN, CREATOR = "everybody", "signed in", "may create something"
UPLOADER = "has begun the upload"
Need = Verb | str


@dataclass(frozen=True)
class Rule:
    """What somebody needs to read a page and to send to it; None: that method is not taken at all."""

    get: Need | None
    post: Need | None = None
    anything: bool = False  # a page of Django or allauth, which does not look at the method
    programs: tuple[str, ...] = ()  # further methods, of a protocol; an object exists for its owner alone


def each(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


LIST = Rule(SIGNED_IN)  # lists only what the user may see
NAMES, READ = Rule(Verb.LIST), Rule(Verb.SEE)
EDIT, DELETE = Rule(Verb.EDIT, Verb.EDIT), Rule(Verb.DELETE, Verb.DELETE)  # pages with a form
CHANGE, POWER = Rule(None, Verb.EDIT), Rule(None, Verb.POWER)
ADOPT, RELEASE = Rule(None, Verb.ADOPT), Rule(None, Verb.DELETE)
SNAPSHOT = Rule(Verb.SNAPSHOT, Verb.SNAPSHOT)
SHARE = Rule(Verb.SHARE, Verb.SHARE)
RESTORE = Rule(Verb.SEE, Verb.EDIT)
ADD, PREVIEW = Rule(CREATOR, CREATOR), Rule(None, CREATOR)
OWN = Rule(None, SIGNED_IN)  # says of each object whether the user may change it
MONITORING = Rule(ANYONE)  # has no account
OPEN_FORM = Rule(ANYONE, ANYONE, anything=True)
OWN_ACCOUNT = Rule(SIGNED_IN, SIGNED_IN, anything=True)
PAGES: dict[str, dict[str | None, Rule]] = {
    "networks": {
        "list": LIST,
        **each("detail addresses leases leases_table hosts hosts_table", NAMES),
        **each("copies history", READ),
        **each("edit plan end tags host_add host_paste host_edit", EDIT),
        **each("edit_preview accept retry extend lease_reserve lease_release host_ids host_remove", CHANGE),
        **each("discard_draft persist", CHANGE),
        "remove": DELETE,
        "share": SHARE,
        "release": RELEASE,
        "revision": RESTORE,
        **each("adopt adopt_replacement", ADOPT),
        "recreate": Rule(Verb.ADMINISTER, Verb.ADMINISTER),
        "on_drift": Rule(None, Verb.ADMINISTER),
        "xml": Rule(Verb.SEE, Verb.ADMINISTER),
        "names": Rule(Verb.LIST, Verb.LIST),  # asks the network's dnsmasq, and changes nothing
        "add": ADD,
        "preview": PREVIEW,
        "bulk": OWN,
    },
    "vms": {
        **each("nic_list nic_table inventory ssh_config known_hosts list", LIST),
        "bridge_attached": NAMES,
        **each("attached attached_table group_attached detail", NAMES),
        **each("network_traffic network_traffic_table traffic traffic_table", NAMES),
        **each("leftover_volumes leftover_volumes_table", NAMES),  # redirect to these
        **each("unused_volumes unused_volumes_table", NAMES),
        **each("pools pools_table", LIST),
        **each("pool pool_table", NAMES),
        "pool_refresh": Rule(None, Verb.ADMINISTER),
        "unused_volumes_delete": Rule(None, Verb.ADMINISTER),
        **each("guest copies history", READ),
        "definition": Rule(Verb.SEE, Verb.ADMINISTER),
        **each("console console_text display", Rule(Verb.CONSOLE)),
        **each("size end tags nic_add nic_edit nic_remove nic_link", EDIT),
        **each("revert persist accept extend guest_rule guest_configure retry", CHANGE),
        **each("nic_add_preview nic_edit_preview nic_keep image_convert image_retry", CHANGE),
        **each("snapshots snapshots_table", READ),
        **each("snapshot_take snapshot_revert snapshot_delete", SNAPSHOT),
        "snapshot_cancel": Rule(None, Verb.SNAPSHOT),
        "captures": Rule(Verb.CAPTURE, Verb.CAPTURE),
        **each("capture_stop capture_delete", Rule(None, Verb.CAPTURE)),
        "capture_file": Rule(Verb.CAPTURE),
        "power": POWER,
        "power_confirm": Rule(Verb.POWER, Verb.POWER),
        "autostart": CHANGE,
        **each("commit duplicate", Rule(Verb.SECRETS, Verb.SECRETS)),
        "disks": READ,
        **each("disk_add disk_grow disk_remove medium", EDIT),
        **each("drive_add disk_request_cancel isolate end_isolation", CHANGE),
        **each("menu head", NAMES),
        "remove": DELETE,
        "share": SHARE,
        **each("release image_remove", RELEASE),
        "revision": RESTORE,
        **each("adopt adopt_replacement", ADOPT),
        "image_export": Rule(None, Verb.CREATE),
        "image_file": Rule(Verb.CREATE),
        **each("images catalogue", Rule(SIGNED_IN, CREATOR)),
        **each("run template_add", ADD),
        **each("templates templates_table", LIST),
        **each("template_edit template_delete", Rule(Verb.SECRETS, Verb.SECRETS)),
        "template_share": SHARE,
        "uploads": Rule(SIGNED_IN, CREATOR, programs=("options",)),
        "upload": Rule(None, programs=("head", "patch", "delete")),
        "upload_discard": Rule(None, UPLOADER),
        "many": Rule(SIGNED_IN, SIGNED_IN),
        "preview": PREVIEW,
    },
    "operations": each("live ready metrics", MONITORING),
    "portal": {
        **each("overview capacity hypervisors leftovers address_problems search activity activity_table", LIST),
        **each("events topology topology_file addresses addresses_table help", LIST),
        "connect": Rule(SIGNED_IN),  # leads to the form, which has its own rule
        **each("network_problems problems", NAMES),
        "last_definition": READ,  # 404 otherwise, as for all entries of the log
        **each("start_again leave_off", Rule(None, Verb.LIST)),  # those VMs that the user may start
    },
    "": {
        **each("trouble hypervisor_options your_rights", LIST),
        "columns": OWN,
        **each("account_login mfa_authenticate mfa_login_webauthn invitation", OPEN_FORM),
        **each("openid_connect_login openid_connect_callback", Rule(ANYONE, anything=True)),
        "account_logout": Rule(None, ANYONE),
        "account_inactive": Rule(ANYONE),
        "profile": Rule(SIGNED_IN, SIGNED_IN),
        "theme": Rule(None, SIGNED_IN),
        **each("account_reauthenticate mfa_reauthenticate mfa_reauthenticate_webauthn", OWN_ACCOUNT),
        **each(
            "account_change_password usersessions_list mfa_index mfa_activate_totp mfa_deactivate_totp", OWN_ACCOUNT
        ),
        **each("mfa_view_recovery_codes mfa_generate_recovery_codes mfa_add_webauthn mfa_remove_webauthn", OWN_ACCOUNT),
        **each("socialaccount_connections connect_account", OWN_ACCOUNT),
        "tokens": Rule(SIGNED_IN, SIGNED_IN),
        None: Rule(ANYONE, ANYONE, anything=True),  # the icon's redirect
    },
}

# What a websocket needs to be opened, and to stay open. Whatever is missing, the answer is 403.
SOCKETS: dict[str, Need] = {"serial": Verb.CONSOLE, "vnc": Verb.CONSOLE}


def _words(need: Need | None) -> str:
    return "–" if need is None else f"`{need.value}`" if isinstance(need, Verb) else need


def _lines(routes: dict[tuple[str, str | None], str]) -> Iterator[str]:
    yield "# Permissions"
    yield ""
    yield "A role is a set of verbs. This table has the roles of a new installation; more can be added in the admin."
    yield "*owner*: what users may do in addition with what they own, if their role allows them to create."
    yield ""
    yield f"| Verb | {' | '.join(ROLES)} | owner |"
    yield f"|---|{'---|' * (len(ROLES) + 1)}"
    for verb in Verb:
        marks = ("✓" if verb in verbs else "" for verbs in (*ROLES.values(), OWNER))
        yield f"| `{verb.value}`: {ALLOWS[verb]} | {' | '.join(marks)} |"
    yield ""
    yield "## Pages"
    yield ""
    yield "What a page needs, by method. An object that a user may not `list` does not exist for the user (404). What"
    yield "is not allowed is answered by 403 with the reason and whom to ask. Pages for everybody who is signed in show"
    yield "only what the user may see."
    yield ""
    yield "What a user may not see is not named anywhere: “10.1.0.0/24 is taken” instead of the network that has it,"
    yield "“a VM that you may not see” for a guest of others on a network of the user. MACs, addresses and host names"
    yield "on a network are facts of the network, which whoever sees it sees."
    yield ""
    yield "An unfinished upload exists only for the user who has begun it, who also continues and deletes it: HEAD,"
    yield "PATCH and DELETE of `/images/uploads/KEY/`. PATCH needs the right to create images for the team of the"
    yield "upload on its hypervisor; with a token, DELETE and discard need it as well. For a token that is limited to"
    yield "teams or hypervisors, the uploads of others do not exist."
    yield ""
    yield "| Page | GET | POST |"
    yield "|---|---|---|"
    for space, rules in PAGES.items():
        for name, rule in rules.items():
            yield f"| `{routes[space, name]}` | {_words(rule.get)} | {_words(rule.post)} |"
    yield ""
    yield "## Websockets"
    yield ""
    yield "Only a page of the portal can open one, in a session. What is missing is checked again every 30 seconds."
    yield "403 is the answer to everything else: to a VM of others, and to one that does not exist."
    yield ""
    yield "| Websocket | Needs |"
    yield "|---|---|"
    for name, need in SOCKETS.items():
        yield f"| `{routes['sockets', name]}` | {_words(need)} |"
    yield ""
    yield from every_page.lines()


def document() -> str:
    """Return the text of the document."""
    from tests.project.every_url import ALL, route
    from vms.console.routing import SOCKETS as patterns

    routes = {(space, name): route(pattern, space) for space, name, pattern in ALL}
    routes |= {("sockets", each.name): route(each, "sockets") for each in patterns}
    return "\n".join(_lines(routes)) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")
    import django

    django.setup()
    DOCUMENT.write_text(document())
