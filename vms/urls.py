from django.urls import path, re_path

from . import views

app_name = "vms"
urlpatterns = [
    path("networks/<str:hypervisor>/<str:name>/attached/", views.attached, name="attached"),
    path("images/", views.image_list, name="images"),
    path("images/<str:hypervisor>/<str:name>/remove/", views.image_remove, name="image_remove"),
    path("vms/", views.vm_list, name="list"),
    path("vms/run/", views.vm_run, name="run"),
    path("vms/run/preview/", views.vm_run_preview, name="preview"),
    path("vms/<str:hypervisor>/<str:name>/", views.vm_detail, name="detail"),
    re_path(
        r"^vms/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/(?P<verb>start|shutdown|destroy)/$", views.vm_power, name="power"
    ),
    path("vms/<str:hypervisor>/<str:name>/retry/", views.vm_retry, name="retry"),
    path("vms/<str:hypervisor>/<str:name>/remove/", views.vm_remove, name="remove"),
    path("vms/<str:hypervisor>/<str:name>/nics/add/", views.nic_add, name="nic_add"),
    path("vms/<str:hypervisor>/<str:name>/nics/<str:mac>/remove/", views.nic_remove, name="nic_remove"),
]
