from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from accounts.identity import describe_identities
from dashboard import processes
from endpoints.watcher import TooPowerful, require_harmless_watcher


class Command(BaseCommand):
    help = "Send what people asked for to Azure and follow it. Any number of workers may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=4, help="tasks at once (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            unknown = require_harmless_watcher()
        except TooPowerful as error:
            raise CommandError(str(error)) from error
        except DatabaseError:
            unknown = ["What the watcher may do is not known: the database does not answer."]
        connections.close_all()
        for sentence in (*describe_identities(), *unknown):
            self.stdout.write(sentence)
        processes.exec_process(processes.worker(concurrency=options["concurrency"]))
