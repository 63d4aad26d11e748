"""The web server's entry: `uvicorn virterweb.asgi:application --lifespan off`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")
application = get_asgi_application()
