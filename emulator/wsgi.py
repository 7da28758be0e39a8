import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emulator.settings")
application = get_wsgi_application()

# After the settings, which the state depends on.
from emulator.arm import resources  # noqa: E402

resources.seed()
