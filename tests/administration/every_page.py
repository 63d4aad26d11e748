"""Every URL of the admin and what somebody needs for it, as a table: a part of `docs/permissions.md` is made of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

ANYONE, OPERATOR, OF_ALL, SUPERUSER = "everybody", "operator", "operator of all", "superuser"


@dataclass(frozen=True)
class Table:
    """What somebody needs for the rows of a table; None: nobody does that in the admin."""

    see: str
    add: str | None = None
    change: str | None = None
    delete: str | None = None

    def need(self, kind: str, method: str) -> str | None:
        """Return what is needed for a page: a list, the page of a row, its history, or a form."""
        if kind in ("add", "delete"):
            return getattr(self, kind)
        if kind == "change" and method == "post":
            return self.change
        return self.see


def tables(names: str, table: Table) -> dict[str, Table]:
    return dict.fromkeys(names.split(), table)


TABLES: dict[str, Table] = {
    "hypervisors_hypervisor": Table(OPERATOR, add=OF_ALL, change=OPERATOR, delete=OF_ALL),
    **tables("people_team people_role auth_user auth_group", Table(SUPERUSER, SUPERUSER, SUPERUSER, SUPERUSER)),
    **tables("networks_network vms_vm vms_image", Table(OPERATOR)),
    **tables("hypervisors_hypervisorstatus hypervisors_readingproblem vms_addressround", Table(OPERATOR)),
    **tables("networks_networkstatus networks_dhcphost networks_dhcphoststatus networks_lease", Table(OPERATOR)),
    **tables("networks_dnsanswers networks_networkrevision", Table(OPERATOR)),
    **tables("vms_vmstatus vms_nic vms_nicstatus vms_nicaddress vms_nictraffic vms_disk", Table(OPERATOR)),
    **tables("vms_traffichistory", Table(OPERATOR)),
    **tables("vms_guestreport vms_sshcheck vms_guestrun vms_consolelog vms_vmrevision", Table(OPERATOR)),
    **tables("vms_snapshot vms_snapshotrequest vms_diskrequest vms_consoleclaim vms_capture", Table(OPERATOR)),
    **tables("vms_vmtemplate", Table(OPERATOR)),
    **tables("vms_imagestatus vms_imageexport vms_volume vms_storagepool", Table(OPERATOR)),
    "vms_catalogueentry": Table(OF_ALL, OF_ALL, OF_ALL, OF_ALL),
    "activity_entry": Table(OF_ALL),
    "notifications_receiver": Table(OF_ALL, OF_ALL, OF_ALL, OF_ALL),
    "notifications_delivery": Table(OF_ALL),
}
KINDS = ("changelist", "add", "change", "delete", "history")
PAGES: dict[str | None, tuple[str | None, str | None]] = {  # what GET and POST need
    "index": (OPERATOR, OPERATOR),
    "observed": (OPERATOR, None),
    "system": (OF_ALL, None),
    "hypervisors_hypervisor_test": (None, OPERATOR),
    "hypervisors_hypervisor_connection": (OPERATOR, None),
    "auth_user_password_change": (SUPERUSER, SUPERUSER),
    "autocomplete": (SUPERUSER, SUPERUSER),  # the users for the members of a team
    "jsi18n": (OPERATOR, None),  # the texts of Django's scripts
    "app_list": (OPERATOR, OPERATOR),  # redirects to the index
    "login": (ANYONE, ANYONE),
    "logout": (ANYONE, ANYONE),
}


def patterns() -> Iterator[URLPattern]:
    """Yield every pattern of the admin."""
    site = next(each for each in get_resolver().url_patterns if getattr(each, "namespace", None) == "admin")
    yield from _inside(site)


def _inside(resolver: URLResolver) -> Iterator[URLPattern]:
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from _inside(each)
        else:
            yield each


def table_of(name: str) -> tuple[str, str] | None:
    """Return the table and the kind of page of a name such as `vms_vm_change`; None for other pages."""
    table, _, kind = name.rpartition("_")
    return (table, kind) if table in TABLES and kind in KINDS else None


def lines() -> Iterator[str]:
    """Yield the lines of the document about the admin."""
    yield "## Admin"
    yield ""
    yield "*operator*: of the hypervisor that a row is on; rows of other hypervisors do not exist (404)."
    yield "*operator of all*: with the permission *Can operate hypervisors*, or a grant of the role *operator* for all"
    yield "hypervisors. Superusers may do everything in this table. The staff status and other permissions of Django"
    yield "have no meaning."
    yield ""
    yield "| Table | See | Add | Change | Delete |"
    yield "|---|---|---|---|---|"
    for name, table in TABLES.items():
        needs = (need or "–" for need in (table.see, table.add, table.change, table.delete))
        yield f"| `/admin/{name.replace('_', '/')}/` | {' | '.join(needs)} |"
    yield ""
    yield "| Page | GET | POST |"
    yield "|---|---|---|"
    paths = {each.name: str(each.pattern) for each in patterns()}
    routes = {
        "hypervisors_hypervisor_test": "hypervisors/hypervisor/PK/test/",
        "hypervisors_hypervisor_connection": "hypervisors/hypervisor/PK/connection/",
        "auth_user_password_change": "auth/user/PK/password/",
        "app_list": "APP/",
    }
    for name, needs in PAGES.items():
        yield f"| `/admin/{routes.get(name, paths[name])}` | {' | '.join(need or '–' for need in needs)} |"
