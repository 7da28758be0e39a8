"""Django settings of the emulator: views, templates and signing only; no database, sessions or apps."""

import logging
from pathlib import Path
from urllib.parse import urlsplit

from emulator.options import options
from emulator.state import state

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]

SECRET_KEY = state().secret
DEBUG = False
# On loopback, a foreign host name means that a page of another site tries to reach us (DNS rebinding). On other
# addresses, the network decides the name of this machine.
OURS = [str(urlsplit(address).hostname) for address in (options().public_url, options().backchannel)]
ALLOWED_HOSTS = [*LOOPBACK, *OURS] if options().host in {"127.0.0.1", "localhost", "::1"} else ["*"]
ROOT_URLCONF = "emulator.urls"
MIDDLEWARE = [
    "emulator.middleware.journalled",
    "emulator.middleware.delayed",
    "emulator.middleware.faulty",
    "emulator.middleware.guarded",
]
INSTALLED_APPS: list[str] = []
APPEND_SLASH = False
USE_TZ = True
USE_I18N = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).with_name("templates")],
    }
]
LOGGING_CONFIG = None
# Refused requests are in the journal.
logging.getLogger("django.request").setLevel(logging.ERROR)
