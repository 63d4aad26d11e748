"""The web server's entry point.

`uvicorn --http virterweb.web_server.protocol:Protocol --lifespan off virterweb.asgi:application`
"""

import gc
import os

import django

from virterweb import private_folder

private_folder.restrict_new_files()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402, they need the settings
from django.urls import get_resolver  # noqa: E402

from virterweb.web_server.request_body import Handler  # noqa: E402
from vms.console.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter({"http": Handler(), "websocket": URLRouter(websocket_urlpatterns)})
get_resolver().url_patterns  # noqa: B018, imports all pages, which the first request would wait for
# The garbage collector need not look at modules: each full collection would stop all requests for about 40 ms.
gc.collect()
gc.freeze()
