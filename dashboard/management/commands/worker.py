from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dashboard import processes


class Command(BaseCommand):
    help = "Send what people asked for to Azure and follow it. Any number of workers may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=4, help="tasks at once (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        processes.become(processes.worker(concurrency=options["concurrency"]))
