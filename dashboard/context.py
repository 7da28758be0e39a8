"""The template context of every page."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "emulated": settings.EMULATED,
        "emulator_url": settings.EMULATOR_URL,
        "csrf_cookie_name": settings.CSRF_COOKIE_NAME,
        "correlation_id": getattr(request, "correlation_id", ""),
    }
