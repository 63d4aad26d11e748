from django.urls import path, re_path

from . import views
from .addresses import views as address_views
from .changes import bulk
from .changes import views as change_views
from .dns_names import views as name_views
from .leases import views as lease_views
from .reservations import views as reservation_views

app_name = "networks"
TABLE = r"^(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/%s\.(?P<suffix>csv|json)$"  # for other programs
urlpatterns = [
    path("", views.network_list, name="list"),
    path("add/", views.network_add, name="add"),
    path("add/preview/", views.network_preview, name="preview"),
    path("bulk/", bulk.networks_bulk, name="bulk"),
    path("<str:hypervisor>/<str:name>/", views.network_detail, name="detail"),
    path("<str:hypervisor>/<str:name>/share/", views.network_share, name="share"),
    path("<str:hypervisor>/<str:name>/end/", views.network_end, name="end"),
    path("<str:hypervisor>/<str:name>/tags/", views.network_tags, name="tags"),
    path("<str:hypervisor>/<str:name>/extend/", views.network_extend, name="extend"),
    path("<str:hypervisor>/<str:name>/remove/", views.network_remove, name="remove"),
    path("<str:hypervisor>/<str:name>/edit/", change_views.network_edit, name="edit"),
    path("<str:hypervisor>/<str:name>/edit/preview/", change_views.network_edit_preview, name="edit_preview"),
    path("<str:hypervisor>/<str:name>/edit/discard/", change_views.network_discard_draft, name="discard_draft"),
    path("<str:hypervisor>/<str:name>/plan/", change_views.network_plan, name="plan"),
    path("<str:hypervisor>/<str:name>/take/", change_views.network_accept, name="accept"),
    path("<str:hypervisor>/<str:name>/take-over/", change_views.network_adopt_replacement, name="adopt_replacement"),
    path("<str:hypervisor>/<str:name>/recreate/", change_views.network_recreate, name="recreate"),
    path("<str:hypervisor>/<str:name>/persist/", change_views.network_persist, name="persist"),
    path("<str:hypervisor>/<str:name>/adopt/", change_views.network_adopt, name="adopt"),
    path("<str:hypervisor>/<str:name>/release/", change_views.network_release, name="release"),
    path("<str:hypervisor>/<str:name>/on-drift/", change_views.network_on_drift, name="on_drift"),
    path("<str:hypervisor>/<str:name>/xml/", change_views.network_xml, name="xml"),
    path("<str:hypervisor>/<str:name>/copies/", views.network_copies, name="copies"),
    path("<str:hypervisor>/<str:name>/history/", change_views.network_history, name="history"),
    path("<str:hypervisor>/<str:name>/history/<int:pk>/", change_views.network_revision, name="revision"),
    path("<str:hypervisor>/<str:name>/names/", name_views.network_names, name="names"),
    path("<str:hypervisor>/<str:name>/retry/", views.network_retry, name="retry"),
    path("<str:hypervisor>/<str:name>/addresses/", address_views.network_addresses, name="addresses"),
    path("<str:hypervisor>/<str:name>/leases/", lease_views.network_leases, name="leases"),
    re_path(TABLE % "leases", lease_views.network_leases, name="leases_table"),
    path("<str:hypervisor>/<str:name>/leases/<int:pk>/reserve/", lease_views.lease_reserve, name="lease_reserve"),
    path("<str:hypervisor>/<str:name>/leases/<int:pk>/release/", lease_views.lease_release, name="lease_release"),
    path("<str:hypervisor>/<str:name>/hosts/", reservation_views.host_list, name="hosts"),
    re_path(TABLE % "hosts", reservation_views.host_list, name="hosts_table"),
    path("<str:hypervisor>/<str:name>/hosts/add/", reservation_views.host_add, name="host_add"),
    path("<str:hypervisor>/<str:name>/hosts/paste/", reservation_views.host_paste, name="host_paste"),
    path("<str:hypervisor>/<str:name>/hosts/ids/", reservation_views.host_ids, name="host_ids"),
    path("<str:hypervisor>/<str:name>/hosts/remove/", reservation_views.host_remove, name="host_remove"),
    path("<str:hypervisor>/<str:name>/hosts/<str:ip>/edit/", reservation_views.host_edit, name="host_edit"),
]
