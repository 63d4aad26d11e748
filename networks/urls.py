from django.urls import path

from . import views

app_name = "networks"
urlpatterns = [
    path("", views.network_list, name="list"),
    path("add/", views.network_add, name="add"),
    path("add/preview/", views.network_preview, name="preview"),
    path("<str:hypervisor>/<str:name>/", views.network_detail, name="detail"),
    path("<str:hypervisor>/<str:name>/remove/", views.network_remove, name="remove"),
    path("<str:hypervisor>/<str:name>/retry/", views.network_retry, name="retry"),
]
