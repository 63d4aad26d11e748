"""The web server's entry point.

`uvicorn --http virterweb.web_server.protocol:Protocol --lifespan off virterweb.asgi:application`
"""

import os

import django

from virterweb import private_folder

private_folder.restrict_new_files()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")
django.setup(set_prefix=False)

from virterweb.web_server.request_body import Handler  # noqa: E402, it needs the settings

application = Handler()
