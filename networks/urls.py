from django.urls import path

from . import bulk, changing, views

app_name = "networks"
urlpatterns = [
    path("", views.network_list, name="list"),
    path("add/", views.network_add, name="add"),
    path("add/preview/", views.network_preview, name="preview"),
    path("bulk/", bulk.networks_bulk, name="bulk"),
    path("<str:hypervisor>/<str:name>/", views.network_detail, name="detail"),
    path("<str:hypervisor>/<str:name>/remove/", views.network_remove, name="remove"),
    path("<str:hypervisor>/<str:name>/edit/", changing.network_edit, name="edit"),
    path("<str:hypervisor>/<str:name>/edit/preview/", changing.network_edit_preview, name="edit_preview"),
    path("<str:hypervisor>/<str:name>/plan/", changing.network_plan, name="plan"),
    path("<str:hypervisor>/<str:name>/take/", changing.network_take, name="take"),
    path("<str:hypervisor>/<str:name>/adopt/", changing.network_adopt, name="adopt"),
    path("<str:hypervisor>/<str:name>/release/", changing.network_release, name="release"),
    path("<str:hypervisor>/<str:name>/on-drift/", changing.network_on_drift, name="on_drift"),
    path("<str:hypervisor>/<str:name>/xml/", changing.network_xml, name="xml"),
    path("<str:hypervisor>/<str:name>/copies/", views.network_copies, name="copies"),
    path("<str:hypervisor>/<str:name>/history/", changing.network_history, name="history"),
    path("<str:hypervisor>/<str:name>/history/<int:pk>/", changing.network_revision, name="revision"),
    path("<str:hypervisor>/<str:name>/retry/", views.network_retry, name="retry"),
]
