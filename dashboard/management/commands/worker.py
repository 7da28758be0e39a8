from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from accounts.identity import describe_identities
from dashboard import processes
from endpoints.watcher import TooPowerful, require_harmless_watcher


class Command(BaseCommand):
    help = "Send requests to Azure and poll their operations. Any number of workers may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=4, help="tasks in parallel (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            unknown = require_harmless_watcher()
        except TooPowerful as error:
            raise CommandError(str(error)) from error
        except DatabaseError:
            unknown = ["The watcher's permissions are unknown: the database does not answer."]
        connections.close_all()
        for sentence in (*describe_identities(), *unknown):
            self.stdout.write(sentence)
        processes.exec_process(processes.worker(concurrency=options["concurrency"]))
