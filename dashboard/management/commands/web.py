from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from dashboard import processes


class Command(BaseCommand):
    help = "Serve the pages. Refuses to start if a required setting is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="default: %(default)s")
        parser.add_argument("--workers", type=int, default=2, help="processes (default: %(default)s)")
        parser.add_argument("--threads", type=int, default=4, help="threads per process (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        numbers = {"workers": options["workers"], "threads": options["threads"]}
        processes.exec_process(processes.web(options["host"], options["port"], **numbers))
