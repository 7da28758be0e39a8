from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard import heartbeat


class Command(BaseCommand):
    help = "Check that a process on this host is working; for the health checks of container engines."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", choices=["web", "worker", "beat"])

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["process"]
        if not (_web_is_ready() if name == "web" else heartbeat.is_fresh(name)):
            raise CommandError(f"{name} is not working.")


def _web_is_ready() -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            url = f"http://127.0.0.1:{settings.PORT}/readyz"
            return session.get(url, headers={"Host": settings.ALLOWED_HOSTS[0]}, timeout=5).ok
        except requests.RequestException:
            return False
