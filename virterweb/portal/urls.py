from django.urls import path, re_path

from . import views
from .activity import activity, activity_table
from .addresses.views import address_plan
from .definitions import last_definition
from .help import help_of_page
from .hypervisors import hypervisor_list
from .leftovers.views import leftovers
from .live.views import events
from .restarts import end_interruption
from .topology.views import connect, topology, topology_file

app_name = "portal"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("hypervisors/", hypervisor_list, name="hypervisors"),
    path("hypervisors/<str:hypervisor>/start-again/", end_interruption, {"running": True}, name="start_again"),
    path("hypervisors/<str:hypervisor>/leave-off/", end_interruption, {"running": False}, name="leave_off"),
    path("activity/", activity, name="activity"),
    re_path(r"^activity\.(?P<suffix>csv|json)\Z", activity_table, name="activity_table"),
    path("addresses/", address_plan, name="addresses"),
    re_path(r"^addresses\.(?P<suffix>csv|json)\Z", address_plan, name="addresses_table"),
    path("leftovers/", leftovers, name="leftovers"),
    path("activity/<int:pk>/definition/", last_definition, name="last_definition"),
    path("capacity/", views.capacity, name="capacity"),
    path("problems/", views.address_problems, name="address_problems"),
    path("events/", events, name="events"),
    path("help/<slug:page>/", help_of_page, name="help"),
    path("topology/", topology, name="topology"),
    path("topology/connect/", connect, name="connect"),
    re_path(r"^topology\.(?P<suffix>svg|mmd|dot|drawio)\Z", topology_file, name="topology_file"),
    path("search/", views.search, name="search"),
    path("networks/<str:hypervisor>/<str:name>/problems/", views.network_problems, name="network_problems"),
    path("vms/<str:hypervisor>/<str:name>/problems/", views.vm_problems, name="problems"),
]
