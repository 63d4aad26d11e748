from django.urls import path, re_path

from . import views
from .addresses import views as address_views
from .changes import bulk
from .changes import views as changing
from .dns_names import views as name_views
from .leases import views as lease_views
from .reservations import views as host_views

app_name = "networks"
TABLE = r"^(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/%s\.(?P<suffix>csv|json)$"  # for other programs
urlpatterns = [
    path("", views.network_list, name="list"),
    path("add/", views.network_add, name="add"),
    path("add/preview/", views.network_preview, name="preview"),
    path("bulk/", bulk.networks_bulk, name="bulk"),
    path("<str:hypervisor>/<str:name>/", views.network_detail, name="detail"),
    path("<str:hypervisor>/<str:name>/remove/", views.network_remove, name="remove"),
    path("<str:hypervisor>/<str:name>/edit/", changing.network_edit, name="edit"),
    path("<str:hypervisor>/<str:name>/edit/preview/", changing.network_edit_preview, name="edit_preview"),
    path("<str:hypervisor>/<str:name>/edit/discard/", changing.network_discard_draft, name="discard_draft"),
    path("<str:hypervisor>/<str:name>/plan/", changing.network_plan, name="plan"),
    path("<str:hypervisor>/<str:name>/take/", changing.network_accept, name="accept"),
    path("<str:hypervisor>/<str:name>/take-over/", changing.network_adopt_replacement, name="adopt_replacement"),
    path("<str:hypervisor>/<str:name>/recreate/", changing.network_recreate, name="recreate"),
    path("<str:hypervisor>/<str:name>/persist/", changing.network_persist, name="persist"),
    path("<str:hypervisor>/<str:name>/adopt/", changing.network_adopt, name="adopt"),
    path("<str:hypervisor>/<str:name>/release/", changing.network_release, name="release"),
    path("<str:hypervisor>/<str:name>/on-drift/", changing.network_on_drift, name="on_drift"),
    path("<str:hypervisor>/<str:name>/xml/", changing.network_xml, name="xml"),
    path("<str:hypervisor>/<str:name>/copies/", views.network_copies, name="copies"),
    path("<str:hypervisor>/<str:name>/history/", changing.network_history, name="history"),
    path("<str:hypervisor>/<str:name>/history/<int:pk>/", changing.network_revision, name="revision"),
    path("<str:hypervisor>/<str:name>/names/", name_views.network_names, name="names"),
    path("<str:hypervisor>/<str:name>/retry/", views.network_retry, name="retry"),
    path("<str:hypervisor>/<str:name>/addresses/", address_views.network_addresses, name="addresses"),
    path("<str:hypervisor>/<str:name>/leases/", lease_views.network_leases, name="leases"),
    re_path(TABLE % "leases", lease_views.network_leases, name="leases_table"),
    path("<str:hypervisor>/<str:name>/leases/<int:pk>/reserve/", lease_views.lease_reserve, name="lease_reserve"),
    path("<str:hypervisor>/<str:name>/leases/<int:pk>/release/", lease_views.lease_release, name="lease_release"),
    path("<str:hypervisor>/<str:name>/hosts/", host_views.host_list, name="hosts"),
    re_path(TABLE % "hosts", host_views.host_list, name="hosts_table"),
    path("<str:hypervisor>/<str:name>/hosts/add/", host_views.host_add, name="host_add"),
    path("<str:hypervisor>/<str:name>/hosts/paste/", host_views.host_paste, name="host_paste"),
    path("<str:hypervisor>/<str:name>/hosts/ids/", host_views.host_ids, name="host_ids"),
    path("<str:hypervisor>/<str:name>/hosts/remove/", host_views.host_remove, name="host_remove"),
    path("<str:hypervisor>/<str:name>/hosts/<str:ip>/edit/", host_views.host_edit, name="host_edit"),
]
