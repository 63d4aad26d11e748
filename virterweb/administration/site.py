"""The site of the admin: who may open it, and its entries, arranged by task."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from virterweb.people import rights
from virterweb.people.sign_in.views import sign_in

NO_ADMIN = "The Admin is for superusers and for operators of hypervisors. Ask a superuser to make you an operator."


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the index: a page of its own, or the list of a model. `about` says what is done there."""

    name: str
    about: str
    model: str = ""  # app and class
    page: str = ""  # name of a URL

    def is_for(self, request: HttpRequest) -> bool:
        """Return whether a user has a page; models are asked for by their own admins."""
        return rights.is_operator(request.user) if self.page == "system" else rights.operates_any(request.user)


ENTRIES: dict[str, tuple[Entry, ...]] = {
    "Hypervisors": (
        Entry(
            name="Hypervisors",
            model="hypervisors.Hypervisor",
            about="Settings and connection test. Operators of all hypervisors also add and delete hypervisors.",
        ),
    ),
    "Teams and grants": (
        Entry(
            name="Teams",
            model="people.Team",
            about="Members, grants with their limits, and end dates.",
        ),
        Entry(name="Roles", model="people.Role", about="What members with a role may do."),
    ),
    "People": (
        Entry(name="Users", model="auth.User", about="Invite and deactivate users, and hand over what they own."),
        Entry(
            name="Groups",
            model="auth.Group",
            about="Groups of directories and identity providers, and their permission.",
        ),
    ),
    "Definitions": (
        Entry(name="Networks", model="networks.Network", about="Definitions as they are stored."),
        Entry(name="VMs", model="vms.VM", about="Definitions as they are stored."),
        Entry(name="Images", model="vms.Image", about="Images and their volumes."),
        Entry(
            name="Image catalogue",
            model="vms.CatalogueEntry",
            about="Images that can be fetched from a URL. Operators of all hypervisors edit them.",
        ),
    ),
    "Observed data": (
        Entry(
            name="Observed data",
            page="observed",
            about="States, leases, addresses, history and volumes, as workers have recorded them. Read-only.",
        ),
    ),
    "Activity": (
        Entry(name="Activity log", model="activity.Entry", about="All entries, with the IDs of requests. Read-only."),
        Entry(
            name="Notifications",
            model="notifications.Receiver",
            about="Webhooks and e-mail addresses that receive chosen entries.",
        ),
    ),
    "System": (Entry(name="System", page="system", about="Workers, schedule, backlog, versions, database and disk."),),
}
PAGES = {"observed": "virterweb.administration.observed.observed", "system": "virterweb.administration.system.system"}
LEFT_OUT = ("password_change", "password_change_done", "view_on_site")  # the portal has its own pages, or none


class Site(AdminSite):
    """The admin of superusers and operators. The staff status of Django has no meaning."""

    site_header = site_title = "Virterweb"
    index_title = "Admin"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return rights.operates_any(request.user)

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Use the sign-in page of the portal; tell users without access who has it."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied(NO_ADMIN)
        request.GET = request.GET.copy()
        request.GET.setdefault("next", reverse("admin:index"))
        return sign_in(request)

    def logout(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return redirect("account_logout", permanent=False)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict | None = None) -> HttpResponse:
        """Redirect to the index: users do not know the apps of Django."""
        return redirect("admin:index")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        own = [path(f"{name}/", self.admin_view(_page(name)), name=name) for name in PAGES]
        return own + [each for each in super().get_urls() if getattr(each, "name", None) not in LEFT_OUT]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict]:
        """Return the entries of a user in Django's form: groups of models."""
        known = {}
        for app in self._build_app_dict(request).values():
            known |= {each["model"]._meta.label: each for each in app["models"]}
        found = []
        for title, entries in ENTRIES.items():
            shown = [_shown(entry, known.get(entry.model), request) for entry in entries]
            if shown := [each for each in shown if each]:
                found.append({"name": title, "app_label": "", "app_url": reverse("admin:index"), "models": shown})
        return found


def _shown(entry: Entry, known: dict | None, request: HttpRequest) -> dict | None:
    if entry.page:
        known = {"admin_url": reverse(f"admin:{entry.page}")} if entry.is_for(request) else None
    return known and {**known, "name": entry.name, "about": entry.about}


def _page(name: str) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view of a page, which is imported when it is first opened: its room imports this one."""

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        return import_string(PAGES[name])(request)

    return view


site = Site(name="admin")
