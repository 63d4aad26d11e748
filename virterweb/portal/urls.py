from django.urls import path

from . import views

app_name = "portal"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("search/", views.search, name="search"),
    path("networks/<str:hypervisor>/<str:name>/problems/", views.network_problems, name="network_problems"),
    path("vms/<str:hypervisor>/<str:name>/problems/", views.vm_problems, name="problems"),
]
