"""One settings file, driven by the environment. Without any variable: SQLite and a broker of files, in one folder."""

import os
import secrets
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("VIRTERWEB_DATA") or Path.home() / ".local/share/virterweb")
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)


def kept_secret(path: Path) -> str:
    """Return the secret in `path`, made at the first call; two processes starting at once agree on one."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text()


DEBUG = os.environ.get("VIRTERWEB_DEBUG") == "1"
SECRET_KEY = os.environ.get("VIRTERWEB_SECRET_KEY") or kept_secret(DATA_DIR / "secret-key")
ALLOWED_HOSTS = [*os.environ.get("VIRTERWEB_ALLOWED_HOSTS", "").split(), "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = os.environ.get("VIRTERWEB_TRUSTED_ORIGINS", "").split()
if os.environ.get("VIRTERWEB_BEHIND_TLS") == "1":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

INSTALLED_APPS = [
    "virterweb.hypervisors",
    "vms",  # before networks: it adds list-attached to their command
    "networks",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "virterweb.middleware.NoNullCharacters",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "virterweb.urls"
ASGI_APPLICATION = "virterweb.asgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "virterweb.hypervisors.views.hypervisors_in_trouble",
            ],
            "builtins": [f"virterweb.hypervisors.templatetags.{name}" for name in ("icons", "moments")],
        },
    },
]

DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{DATA_DIR}/virterweb.sqlite3")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers queue up for 20 s instead of failing, and say at their start that they write.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "vms:overview"
LOGOUT_REDIRECT_URL = "login"

TIME_ZONE = os.environ.get("TZ") or "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-us"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# Uploaded images wait here until the worker has streamed them into the hypervisor's pool.
SPOOL_DIR = DATA_DIR / "uploads"
FILE_UPLOAD_TEMP_DIR = SPOOL_DIR
FILE_UPLOAD_PERMISSIONS = 0o600
SPOOL_DIR.mkdir(mode=0o700, exist_ok=True)

# What is too long for its field is said there, not by an error page. Uploaded files do not count.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024**2

# cloud-init's own schema-cloud-config-v1.json; empty: the one of a cloud-init on this machine, if there is one.
CLOUD_INIT_SCHEMA = os.environ.get("VIRTERWEB_CLOUD_INIT_SCHEMA", "")

# What the worker calls, in this order, with each hypervisor that it looks at.
OBSERVERS = ["networks.sync.observe", "vms.sync.observe", "vms.traffic.observe"]

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem"):
    spool = DATA_DIR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": spool / "messages",
        "data_folder_out": spool / "messages",
        "control_folder": spool / "control",
        "polling_interval": 0.05,
    }
    for folder in ("messages", "control"):
        (spool / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULE = {
    # A sweep asks the database what is overdue; a message that waited too long is stale, the next one is coming.
    name: {"task": name, "schedule": 0.5, "options": {"expires": 5}}
    for name in ("virterweb.hypervisors.tasks.sweep", "networks.tasks.sweep", "vms.tasks.sweep")
} | {
    name: {"task": name, "schedule": 600, "options": {"expires": 60}}
    for name in ("networks.tasks.forget", "vms.tasks.forget")
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Two sweeps a second are nothing to write about.
    "loggers": {
        f"celery.{name}": {"level": "WARNING"} for name in ("beat", "worker.strategy", "worker.request", "app.trace")
    }
    # What it complains of is written down, in words, for the VM's page.
    | {"paramiko": {"level": "CRITICAL"}},
}
