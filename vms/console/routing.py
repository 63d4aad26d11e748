"""The addresses of websockets."""

from django.urls import path, re_path

from .consumer import ConsoleSocket, UnknownSocket

SOCKETS = [
    path("vms/<str:hypervisor>/<str:name>/console/serial/", ConsoleSocket.as_asgi(kind="serial"), name="serial"),
    path("vms/<str:hypervisor>/<str:name>/console/vnc/", ConsoleSocket.as_asgi(kind="display"), name="vnc"),
]
websocket_urlpatterns = [*SOCKETS, re_path("", UnknownSocket.as_asgi())]
