"""Settings, from environment variables. By default, SQLite and a file broker in one data folder."""

import os
import secrets
import socket
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.utils.functional import SimpleLazyObject

from virterweb import private_folder

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("VIRTERWEB_DATA") or Path.home() / ".local/share/virterweb")
private_folder.prepare(DATA_DIR)


def words(variable: str) -> list[str]:
    """Return the values of an environment variable, which spaces or commas separate."""
    return os.environ.get(variable, "").replace(",", " ").split()


def kept_secret() -> str:
    """Return the secret key in the database, which all web servers share; it is read at the first use."""
    from virterweb.hypervisors.models import Secret

    return Secret.kept("secret key", DATA_DIR / "secret-key", lambda: secrets.token_urlsafe(50))


def oidc_providers() -> dict:
    """Return the providers in the file, which is read at the first use."""
    from virterweb.people.sign_in.oidc import configuration

    return configuration.providers(OIDC_FILE)


DEBUG = os.environ.get("VIRTERWEB_DEBUG") == "1"
SECRET_KEY = os.environ.get("VIRTERWEB_SECRET_KEY") or SimpleLazyObject(kept_secret)
ALLOWED_HOSTS = [*words("VIRTERWEB_ALLOWED_HOSTS"), "localhost", "127.0.0.1", "[::1]"]
CSRF_FAILURE_VIEW = "virterweb.hypervisors.views.form_expired"
CSRF_TRUSTED_ORIGINS = words("VIRTERWEB_TRUSTED_ORIGINS")
if os.environ.get("VIRTERWEB_BEHIND_TLS") == "1":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = int(os.environ.get("VIRTERWEB_HSTS_SECONDS") or 365 * 86400)

INSTALLED_APPS = [
    "virterweb.changes",
    "virterweb.activity",
    "virterweb.people",
    "virterweb.hypervisors",
    "virterweb.notifications",
    "virterweb.portal",  # before vms: it adds leftovers to their command
    "vms",  # before networks: it adds list-attached to their command
    "networks",
    "django.contrib.admin.apps.SimpleAdminConfig",  # virterweb.administration has the site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_htmx",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "virterweb.people.sign_in",
]

MIDDLEWARE = [
    "virterweb.middleware.CurrentRequest",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "virterweb.middleware.ContentSecurityPolicy",  # of pages: browsers ignore the one of a style sheet or script
    "virterweb.middleware.Compressed",
    "virterweb.middleware.PrivateCache",
    "virterweb.middleware.RefuseNullCharacters",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "virterweb.people.profile.time_zone.ViewerTimeZone",
    "virterweb.people.tokens.middleware.TokenAuthentication",
    "allauth.account.middleware.AccountMiddleware",
    "virterweb.people.sign_in.sessions.age.SessionAge",  # before the next, which lets nobody in whose session has ended
    "virterweb.middleware.SignInRequired",  # before the next, which reads the body
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "virterweb.middleware.BrokerFailureMessage",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "virterweb.middleware.IgnoreMalformedCurrentURL",
    "django_htmx.middleware.HtmxMiddleware",
    "virterweb.middleware.DialogRedirect",
    "virterweb.hypervisors.watching.WatchHypervisors",
    "virterweb.portal.live.unchanged.UnchangedFragments",
    "virterweb.middleware.WithoutIndentation",
    "virterweb.middleware.VisibleCharacters",
    "virterweb.people.hidden.look_alikes.VisibleLookAlikeMarks",
    "virterweb.middleware.InvalidTransitionHandler",
    "virterweb.middleware.MethodNotAllowedPage",
    "virterweb.hypervisors.desired.one_at_a_time.DatabaseCollisionHandler",
]

ROOT_URLCONF = "virterweb.urls"
ASGI_APPLICATION = "virterweb.asgi.application"
FORM_RENDERER = "virterweb.pages.form_renderer.FormRenderer"
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
                "virterweb.portal.shell.fleet_of_page",
            ],
            "builtins": [
                "virterweb.people.templatetags.rights",
                *(
                    f"virterweb.hypervisors.templatetags.{name}"
                    for name in ("cells", "forms", "headings", "icons", "moments", "names")
                ),
            ],
        },
    },
]

DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{DATA_DIR}/virterweb.sqlite3")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers wait up to 60 s for a lock instead of failing, and take the write lock at the start of the transaction.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 60,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    DATABASES["default"]["ENGINE"] = "virterweb.postgresql"
    # The threads of a process share its connections, and wait up to 60 s for a free one.
    from psycopg_pool import ConnectionPool

    # After an outage, threads that wait for a connection get one within two seconds. By default, the pool doubles the
    # pause after each attempt, up to about the length of the outage.
    again = {"reconnect_timeout": 2, "reconnect_failed": ConnectionPool.check}
    pool = {"min_size": 1, "max_size": 20, "timeout": 60, **again}
    # A lost connection is noticed after 10 s. Without these options, TCP retransmits for about 15 minutes.
    lost = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
    # PostgreSQL would compile queries of long lists, which takes longer than the queries themselves.
    plain = {"options": "-c jit=off"}
    DATABASES["default"]["OPTIONS"] = {"pool": pool, "connect_timeout": 5, **lost, **plain}
    # Otherwise, requests get connections that ended when PostgreSQL restarted.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTH_PASSWORD_VALIDATORS[1]["OPTIONS"] = {"min_length": int(os.environ.get("VIRTERWEB_PASSWORD_LENGTH") or 10)}
AUTHENTICATION_BACKENDS = ["virterweb.people.profile.backend.Backend"]
AUTHENTICATION_BACKENDS += ["virterweb.people.answers.backend.RightsBackend"]
SESSION_COOKIE_AGE = int(float(os.environ.get("VIRTERWEB_SESSION_HOURS") or 7 * 24) * 3600)
SESSION_IDLE_AGE = int(float(os.environ.get("VIRTERWEB_SESSION_IDLE_HOURS") or 12) * 3600)
PASSWORD_RESET_TIMEOUT = 7 * 86400  # for the links of invitations; there are no others
LOGIN_URL = LOGOUT_REDIRECT_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:overview"
ACCOUNT_ADAPTER = "virterweb.people.sign_in.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_SIGNUP_ENABLED = False
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
SOCIALACCOUNT_ADAPTER = "virterweb.people.sign_in.oidc.adapter.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
OIDC_FILE = os.environ.get("VIRTERWEB_OIDC_FILE", "")
OIDC_PROVIDERS = SimpleLazyObject(oidc_providers)
LDAP_FILE = os.environ.get("VIRTERWEB_LDAP_FILE", "")
if LDAP_FILE and find_spec("django_auth_ldap"):  # `manage.py check` says so if it is missing
    AUTHENTICATION_BACKENDS.append("virterweb.people.sign_in.ldap.backend.Backend")
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Virterweb"
# Passwords have the portal's own limits; these are for second factors, in the database because processes share them.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "30/10m/ip,10/10m/key", "provider": "60/10m/ip"}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "sign_in_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

TIME_ZONE = os.environ.get("TZ") or "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = ["virterweb.formats"]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Where `collectstatic` puts the files. Without it, they have plain names, and browsers cache them for a minute.
STATIC_ROOT = Path(os.environ.get("VIRTERWEB_STATIC_ROOT") or DATA_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "virterweb.web_server.static_files.StaticFiles",
        "OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},
    },
}
STATIC_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# Uploaded images wait here until the worker has streamed them into the hypervisor's pool.
SPOOL_DIR = DATA_DIR / "uploads"
# Only SQLite tells that web servers and workers are on one machine.
UPLOADS_IN_DATABASE = not DATABASES["default"]["ENGINE"].endswith("sqlite3")
# Of a resumable upload, and of all unfinished ones of a user together.
MAX_UPLOAD_SIZE = int(os.environ.get("VIRTERWEB_UPLOAD_GIB") or 256) * 1024**3
FILE_UPLOAD_TEMP_DIR = SPOOL_DIR
FILE_UPLOAD_PERMISSIONS = 0o600
private_folder.prepare(SPOOL_DIR)

# What is too long for its field is said there, not by an error page. Uploaded files do not count.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024**2

# cloud-init's own schema-cloud-config-v1.json; empty: the one of a cloud-init on this machine, if there is one.
CLOUD_INIT_SCHEMA = os.environ.get("VIRTERWEB_CLOUD_INIT_SCHEMA", "")

# Functions that the worker calls, in this order, for each hypervisor that it polls.
OBSERVERS = ["networks.sync.observe", "vms.sync.polling.observe", "vms.nics.traffic.observe"]

# Who answers what networks ask about the NICs of VMs: see networks.attachments.
ATTACHMENTS = "vms.attached.answers"

# Who counts what teams have, for the limits of their grants: see virterweb.people.limits.
USES = ["networks.usage.use", "vms.usage.use"]

# Which entries of the activity log a user may see: see virterweb.activity.models.
ACTIVITY_RULE = "virterweb.people.answers.entries.visible"

# Time after which another worker may claim the rows of a worker that no longer answers.
CLAIM_SECONDS = float(os.environ.get("VIRTERWEB_CLAIM_SECONDS", "20"))

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem"):
    spool = DATA_DIR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": spool / "messages",
        "data_folder_out": spool / "messages",
        "control_folder": spool / "control",
        "polling_interval": 1,  # seconds; the sender of a message wakes a worker up
    }
    for folder in ("messages", "control"):
        private_folder.prepare(spool / folder)
elif CELERY_BROKER_URL.startswith("redis"):
    # A request does not wait for a broker that does not answer: workers find the change by themselves.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 2, "max_retries": 0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = 8  # threads for messages from pages; the dispatcher has its own
CELERY_BROKER_CONNECTION_MAX_RETRIES = None

# Seconds between two polls of a hypervisor that sends events, while nothing is in progress and no page shows it.
IDLE_POLL_SECONDS = float(os.environ.get("VIRTERWEB_IDLE_POLL_SECONDS", "60"))

# Patterns of the hypervisors that a worker serves, such as `lab*,!lab-3`; empty: all.
WORKER_HYPERVISORS = os.environ.get("VIRTERWEB_HYPERVISORS", "")

# Functions that one worker at a time calls at intervals, in seconds.
CHORES = {
    "networks.leases.sync.forget": 600,
    "vms.console.sync.forget": 600,
    "vms.images.uploading.uploads.forget": 600,
    "vms.images.exporting.requests.forget": 60,
    "vms.images.uploading.finishing.finish_all": 60,
    "vms.capture.requests.forget": 60,
    "virterweb.operations.housekeeping.forget": 3600,
    "virterweb.portal.attention.check_addresses": 15,
    "virterweb.people.ends.chore.run": 30,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {f"celery.{name}": {"level": "WARNING"} for name in ("worker.strategy", "worker.request", "app.trace")}
    # What it complains of is written down, in words, for the VM's page.
    | {"paramiko": {"level": "CRITICAL"}},
}

# Backup, health, metrics and logs.
INSTALLED_APPS.append("virterweb.operations")
METRICS_TOKEN = os.environ.get("VIRTERWEB_METRICS_TOKEN", "")
HISTORY_DAYS = int(os.environ.get("VIRTERWEB_HISTORY_DAYS") or 0)  # for which old definitions are kept; 0: forever

# E-mails about chosen events: smtp://user:password@host:25, smtps:// for TLS, smtp+starttls:// for STARTTLS.
PORTAL_URL = os.environ.get("VIRTERWEB_URL", "").rstrip("/")  # in e-mails, which know no request; "": no links
smtp = urlsplit(os.environ.get("VIRTERWEB_SMTP_URL", ""))
EMAIL_HOST, EMAIL_PORT = smtp.hostname or "", smtp.port or {"smtps": 465, "smtp+starttls": 587}.get(smtp.scheme, 25)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(smtp.username or ""), unquote(smtp.password or "")
EMAIL_USE_SSL, EMAIL_USE_TLS = smtp.scheme == "smtps", smtp.scheme == "smtp+starttls"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("VIRTERWEB_EMAIL_FROM") or f"virterweb@{socket.gethostname()}"
ACTIVITY_DAYS = int(os.environ.get("VIRTERWEB_ACTIVITY_DAYS") or 0)  # for which the activity log is kept; 0: forever
if os.environ.get("VIRTERWEB_LOG") == "json":
    MIDDLEWARE.insert(0, "virterweb.logs.json_lines.RequestLog")
    LOGGING["formatters"]["json"] = {"()": "virterweb.logs.json_lines.formatter"}
    LOGGING["filters"] = {"context": {"()": "virterweb.logs.json_lines.Context"}}
    LOGGING["handlers"]["console"] |= {"formatter": "json", "filters": ["context"]}
    # One line for each libvirt call that carries out a change.
    LOGGING["loggers"]["virterweb.hypervisors.gateway.session"] = {"level": "DEBUG"}
    LOGGING["loggers"]["uvicorn"] = {"handlers": ["console"], "level": "WARNING", "propagate": False}
