"""The settings of Endpoint Desk. With none set, it runs on one host against the local emulator.

`docs/deploy.md` lists them for operators; the system checks name the ones that are missing.
"""

from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlsplit

import dj_database_url

from dashboard.env import env_bool, env_date, env_int, env_list, env_number, env_secret, env_str
from dashboard.local_secrets import local_secret
from dashboard.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("DATA_DIR", str(BASE_DIR / "var")))

# --- Azure -----------------------------------------------------------------------------------------------------------

AZURE_BACKEND = env_str("AZURE_BACKEND", "emulator")
EMULATED = AZURE_BACKEND == "emulator"
PORT = env_int("PORT", 8000)
PUBLIC_BASE_URL = env_str("PUBLIC_BASE_URL", f"http://localhost:{PORT}" if EMULATED else "").rstrip("/")

# The tenant of the emulator. Its ids are constants, so that the real backend can refuse them.
EMULATOR_PORT = env_int("EMULATOR_PORT", 8001)
EMULATOR_URL = env_str("EMULATOR_URL", f"http://127.0.0.1:{EMULATOR_PORT}").rstrip("/")
EMULATOR_MAY_BE_PUBLIC = env_bool("EMULATOR_MAY_BE_PUBLIC", False)
EMULATOR_TENANT_ID = "8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001"
EMULATOR_CLIENT_ID = "3d1f7e52-90c4-4a7b-8a52-e0d35a1b0002"
EMULATOR_AUTHORITY_HOST = "https://login.emulator.test"

ENTRA_AUTHORITY_HOST = (
    EMULATOR_AUTHORITY_HOST
    if EMULATED
    else env_str("ENTRA_AUTHORITY_HOST", "https://login.microsoftonline.com").rstrip("/")
)
# Lower case, as Entra ID writes them in tokens.
ENTRA_TENANT_ID = EMULATOR_TENANT_ID if EMULATED else env_str("ENTRA_TENANT_ID").lower()
ENTRA_CLIENT_ID = EMULATOR_CLIENT_ID if EMULATED else env_str("ENTRA_CLIENT_ID").lower()
ENTRA_CLIENT_SECRET = "endpoint-desk-emulator-secret" if EMULATED else env_secret("ENTRA_CLIENT_SECRET")
ENTRA_CERTIFICATE_FILE = "" if EMULATED else env_str("ENTRA_CERTIFICATE_FILE")
ENTRA_CERTIFICATE_PASSPHRASE = "" if EMULATED else env_secret("ENTRA_CERTIFICATE_PASSPHRASE")
ENTRA_CREDENTIAL_EXPIRES = env_date("ENTRA_CREDENTIAL_EXPIRES")
ENTRA_FEDERATED_TOKEN_FILE = "" if EMULATED else env_str("ENTRA_FEDERATED_TOKEN_FILE")

# Whose tokens call Azure: see accounts/identity.py.
ARM_WRITES_AS = env_str("ARM_WRITES_AS", "user")
WATCHER_IDENTITY = env_str("WATCHER_IDENTITY", "none")
WATCHER_CLIENT_ID = env_str("WATCHER_CLIENT_ID")
WATCHER_MAY_WRITE = env_bool("WATCHER_MAY_WRITE", False)

ARM_BASE_URL = EMULATOR_URL if EMULATED else env_str("ARM_BASE_URL", "https://management.azure.com").rstrip("/")
ARM_AUDIENCE = "https://management.azure.com" if EMULATED else env_str("ARM_AUDIENCE", ARM_BASE_URL)
# The same spelling everywhere: msal caches tokens by scope, so another one costs another round trip.
ARM_SCOPE = f"{ARM_AUDIENCE}/user_impersonation"
ARM_API_VERSION = env_str("ARM_API_VERSION", "2025-09-01")
ARM_CONNECT_TIMEOUT_SECONDS = env_number("ARM_CONNECT_TIMEOUT_SECONDS", 5)
# ARM answers 504 if a provider takes longer than 60 s, so we wait a little longer.
ARM_READ_TIMEOUT_SECONDS = env_number("ARM_READ_TIMEOUT_SECONDS", 65)
# How long a page waits for Azure, and only if nothing is known yet about the access of its user.
ARM_PAGE_TIMEOUT_SECONDS = env_number("ARM_PAGE_TIMEOUT_SECONDS", 0.8)
ARM_CONCURRENCY = env_int("ARM_CONCURRENCY", 32)
# Whether the proxies, certificate bundles and .netrc of the environment apply to calls to Azure.
HTTP_TRUST_ENVIRONMENT = not EMULATED and env_bool("HTTP_TRUST_ENVIRONMENT", True)
# Tags that policies set in Azure, so that a difference in them means nothing.
TAGS_OF_POLICIES = env_list("TAGS_OF_POLICIES")
MODEL_CATALOGUE_FILE = Path(env_str("MODEL_CATALOGUE_FILE", str(BASE_DIR / "endpoints" / "catalogue.json")))

# --- Secrets ---------------------------------------------------------------------------------------------------------

# Without one the system checks fail; a process that skips them gets a random key.
SECRET_KEY = env_secret("SECRET_KEY") or (local_secret(DATA_DIR, "secret-key") if EMULATED else token_urlsafe(20))
# Fernet keys of the token store, newest first: the first one encrypts, all of them decrypt.
# https://cryptography.io/en/latest/fernet/#cryptography.fernet.MultiFernet
TOKEN_CACHE_KEYS = env_secret("TOKEN_CACHE_KEYS").replace(",", " ").split() or (
    [local_secret(DATA_DIR, "token-cache-key")] if EMULATED else []
)
# The tokens of users who do not come back are deleted after this time.
TOKENS_KEPT_DAYS = env_int("TOKENS_KEPT_DAYS", 14)

# --- Django ----------------------------------------------------------------------------------------------------------

DEBUG = env_bool("DEBUG", False)
HTTPS = urlsplit(PUBLIC_BASE_URL).scheme == "https"
PUBLIC_HOST = urlsplit(PUBLIC_BASE_URL).netloc
LOOPBACK = {"localhost", "127.0.0.1"}
ALLOWED_HOSTS = [urlsplit(PUBLIC_BASE_URL).hostname or "localhost", *env_list("EXTRA_ALLOWED_HOSTS")]
if LOOPBACK & set(ALLOWED_HOSTS):
    ALLOWED_HOSTS += LOOPBACK  # sign-in redirects from one to the other
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL] if PUBLIC_BASE_URL else []
ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backend.EntraBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "template_partials",
    "csp",
    "dashboard.apps.DashboardConfig",
    "accounts.apps.AccountsConfig",
    "endpoints.apps.EndpointsConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.middleware.CorrelationIdMiddleware",
    "dashboard.middleware.RequestLimitsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SignInRequiredMiddleware",
    "dashboard.middleware.SignedInPagesAreNotStoredMiddleware",
]

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
                "dashboard.context.site",
            ],
            "builtins": ["endpoints.templatetags.ui"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

STATIC_URL = "/static/"
STATIC_ROOT = Path(env_str("STATIC_ROOT", str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Database --------------------------------------------------------------------------------------------------------

DATABASES = {
    "default": dj_database_url.parse(
        env_secret("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'endpoint-desk.sqlite3'}", conn_max_age=60
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue instead of failing, and readers never wait for them.
    # https://docs.djangoproject.com/en/5.2/ref/databases/#sqlite-transaction-behavior
    # https://www.sqlite.org/wal.html
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # Tests use a file too: with an in-memory database the threads of one process fail instead of queueing.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # Transactions take milliseconds. A host that freezes within one would hold its locks for hours.
    # https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT
    DATABASES["default"]["OPTIONS"] = {
        "options": "-c idle_in_transaction_session_timeout=10s",
        **DATABASES["default"].get("OPTIONS", {}),
    }

# --- Sessions and the web side ---------------------------------------------------------------------------------------

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 60 * 60 * env_int("SESSION_ABSOLUTE_HOURS", 8)
SESSION_IDLE_SECONDS = 60 * env_int("SESSION_IDLE_MINUTES", 60)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Strict would drop the session on the redirect back from Entra ID, None would send it to every site.
# https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#samesitesamesite-value
SESSION_COOKIE_SAMESITE = "Lax"
# https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
# https://www.rfc-editor.org/rfc/rfc6797
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_TLS_PROXY = env_bool("BEHIND_TLS_PROXY", False)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Only a proxy knows whether a request came over TLS. Health checks come from inside, over http.
SECURE_SSL_REDIRECT = HTTPS and BEHIND_TLS_PROXY
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]
# HSTS preloading covers whole domains, so their owners must decide: https://hstspreload.org
SILENCED_SYSTEM_CHECKS = ["security.W021"]

# Creations are limited per user to what Azure accepts, sign-ins per client network.
# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
SIGN_INS_PER_MINUTE = env_int("SIGN_INS_PER_MINUTE", 30)
CREATIONS_PER_MINUTE = env_int("CREATIONS_PER_MINUTE", 200)
CHECKS_PER_MINUTE = env_int("CHECKS_PER_MINUTE", 60)
KEY_READS_PER_MINUTE = env_int("KEY_READS_PER_MINUTE", 10)

LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "/"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# https://www.w3.org/TR/CSP3/
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "connect-src": ["'self'"],
        # Chromium checks redirects of a form too, and forms of ours redirect to Entra ID.
        "form-action": ["'self'", EMULATOR_URL if EMULATED else ENTRA_AUTHORITY_HOST],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Celery: it wakes workers, and stores nothing ---------------------------------------------------------------------

REDIS_URL = env_secret("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL or "atomicfilesystem://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": 300,
        "unacked_restore_throttle": 1,
        "health_check_interval": 10,
        "socket_keepalive": True,
        "socket_connect_timeout": 1,
        "socket_timeout": 5,
        "global_keyprefix": "endpoint-desk:",
    }
    if REDIS_URL
    else {
        "data_folder_in": str(DATA_DIR / "broker" / "queue"),
        "data_folder_out": str(DATA_DIR / "broker" / "queue"),
        "processed_folder": str(DATA_DIR / "broker" / "taken"),
        "control_folder": str(DATA_DIR / "broker" / "control"),
        "polling_interval": 0.1,
    }
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
# Every task may run twice without harm, so a message is acknowledged only after its task has run.
# https://docs.celeryq.dev/en/stable/faq.html#should-i-use-retry-or-acks-late
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 15
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A click wakes the worker with one short attempt; if the message is lost, the next sweep finds the row.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
CELERY_TASK_DEFAULT_QUEUE = "sweep"
CELERY_TASK_ROUTES = {"endpoints.tasks.send_requested": {"queue": "requests"}}
SWEEP_EVERY_SECONDS = 1.0
READ_FLEET_EVERY_SECONDS = 1.0
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "endpoints.tasks.sweep",
        "schedule": SWEEP_EVERY_SECONDS,
        # A later sweep replaces one that waited longer. The worker compares with its own clock, so the time exceeds
        # the usual clock skew.
        "options": {"expires": 300},
    },
    "read-fleet": {
        "task": "endpoints.tasks.read_fleet",
        "schedule": READ_FLEET_EVERY_SECONDS,
        "options": {"expires": 300},
    },
    "read-access": {
        "task": "endpoints.tasks.read_access",
        "schedule": READ_FLEET_EVERY_SECONDS,
        "options": {"expires": 300},
    },
    "tidy": {"task": "accounts.tasks.tidy", "schedule": 3600.0, "options": {"expires": 600}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")

# --- Logging ---------------------------------------------------------------------------------------------------------

LOGGING = logging_config(env_str("LOG_LEVEL", "INFO"))
