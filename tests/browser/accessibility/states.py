"""What is looked at: every page of the portal, and states that only some objects, users or input lead to."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.project.every_url import ALL, address
from tests.project.permissions import PAGES

# What is done to a page after it was opened: JavaScript.
FOLDS = "document.querySelectorAll('main details:not(.menu)').forEach((each) => { each.open = true; })"
MENU = "document.querySelector('{} details.menu').open = true"
SUBMIT = "{ const form = document.querySelector('main form[method=post]:has(.primary, .danger)'); "
SUBMIT += "form.noValidate = true; form.querySelector('.primary, .danger').click() }"
SELECT = "document.querySelector('main tbody input[type=checkbox]').click()"
SHORTCUTS = "document.querySelector('#shortcuts').showModal()"
CONFIRM = "(async () => { document.querySelector('a[data-confirm]').click(); "
CONFIRM += "while (!document.querySelector('#confirmation[open]')) await new Promise(requestAnimationFrame) })()"
FORMS = (
    *("/networks/add/", "/networks/lab/ready/hosts/add/", "/networks/lab/ready/hosts/paste/"),
    *("/vms/run/", "/vms/lab/web-25/nics/add/", "/vms/lab/web-25/disks/add/"),
    *("/vms/lab/web-25/snapshots/take/", "/vms/lab/web-25/remove/", "/images/"),
    *("/vms/templates/add/", "/profile/password/", "/profile/tokens/"),
)
LISTS = (
    *("/", "/networks/", "/vms/", "/images/", "/attached/", "/topology/", "/addresses/", "/activity/", "/capacity/"),
    *("/problems/", "/leftovers/", "/pools/", "/vms/templates/"),
)
OF_NETWORKS = ("ready", "pending", "drifted", "failed", "isolated", "overlapping", "routed", "leaving", "default")
OF_VMS = (
    *("web-25", "paused-30", "interrupted-31", "off-32", "drifted-33", "failed-34", "unmanaged-35", "pending-40"),
    "leaving-41",
)
OF_ADMIN = (
    *("", "observed/", "system/", "hypervisors/hypervisor/", "hypervisors/hypervisor/1/change/"),
    *("hypervisors/hypervisor/1/delete/", "auth/user/", "auth/user/1/change/", "auth/user/1/password/"),
    *("people/team/2/change/", "networks/network/1/change/", "notifications/receiver/add/", "activity/entry/"),
)
# Not opened: files, and fragments that no page is made of.
NO_PAGES = ("_table", "_file", "inventory", "ssh_config", "known_hosts", "console_text", "menu", "head", "trouble")
NO_PAGES += ("events", "live", "ready", "metrics", "hypervisor_options", "favicon")
SIGNED_OUT = ("/login/", "/invitation/MQ/x/", "/login/inactive/")


@dataclass(frozen=True, kw_only=True)
class State:
    """A page that a user opens; `then` is done to it. `leads`: that opens another page; `part`: what is looked at."""

    path: str
    user: str = "admin"
    then: str = FOLDS
    name: str = ""
    leads: bool = False
    part: str = "main"

    def __str__(self) -> str:
        return " ".join(filter(None, (self.path, self.name, f"as {self.user or 'nobody'}")))


def every_page(things: dict) -> Iterator[State]:
    """Yield each page of the portal that can be read."""
    for space, name, pattern in ALL:
        if name and PAGES[space][name].get and not name.endswith(NO_PAGES):
            yield State(path=address(space, name, pattern, things), part="html")


def further() -> Iterator[State]:
    """Yield states of pages that depend on the object, the user or the input."""
    for name in OF_NETWORKS:
        yield State(path=f"/networks/lab/{name}/")
    for page in ("attached", "addresses", "leases", "hosts", "traffic"):
        yield State(path=f"/networks/lab/ready/{page}/")
    yield State(path="/networks/lab/drifted/plan/")
    for name in OF_VMS:
        yield State(path=f"/vms/lab/{name}/")
    for page in ("guest", "console", "traffic"):
        yield State(path=f"/vms/lab/web-25/{page}/")
    for query in ("web", "10.2.0.0/24", "10.2.0.20", "nothing"):
        yield State(path=f"/search/?q={query}")
    yield State(path="/networks/?q=nothing")
    yield State(path="/networks/lab/absent/")
    for path in ("/networks/", "/vms/"):
        yield State(path=path, then=MENU.format("main tbody"), name="menu of a row", part=".menu[open]")
        yield State(path=path, then=SELECT, name="one selected", part="form[data-bulk]")
    for path in ("/networks/lab/ready/", "/vms/lab/web-25/"):
        yield State(path=path, then=MENU.format("header.page"), name="menu of the page", part=".menu[open]")
    for kind in ("account", "choose", "copy", "chips"):
        opened = f"document.querySelector('details.menu.{kind}').open = true"
        yield State(path="/networks/", then=opened, name=f"menu {kind}", part=f".{kind}[open]")
    yield State(path="/", then=SHORTCUTS, name="shortcuts", part="dialog[open]")
    yield State(path="/networks/", then=CONFIRM, name="confirmation", part="dialog[open]")
    for path in FORMS:
        yield State(path=path, then=SUBMIT, name="refused", leads=True)
    for page in OF_ADMIN:
        yield State(path=f"/admin/{page}", part="html")
    for path in LISTS:
        yield State(path=path, user="newcomer")
    for path in SIGNED_OUT:
        yield State(path=path, user="", part="html")
    yield State(path="/login/", user="", then=SUBMIT, name="refused", leads=True)


def main_pages() -> Iterator[State]:
    """Yield the pages that are measured at all widths: lists, objects with much to show, forms."""
    for path in LISTS:
        yield State(path=path)
    for page in ("", "attached/", "addresses/", "leases/", "hosts/", "traffic/", "copies/"):
        yield State(path=f"/networks/lab/ready/{page}")
    for page in ("", "guest/", "disks/", "snapshots/", "traffic/", "console/", "definition/"):
        yield State(path=f"/vms/lab/web-25/{page}")
    for path in (
        "/networks/add/",
        "/vms/run/",
        "/search/?q=web",
        "/pools/lab/default/",
        "/admin/hypervisors/hypervisor/",
    ):
        yield State(path=path)
