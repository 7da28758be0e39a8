import sys
from typing import Any

from django.core.management.base import BaseCommand

from dashboard import doctor


class Command(BaseCommand):
    help = (
        "Look at everything this installation needs; one line each, with what to do. Exit code 1 if anything is wrong."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = 0
        for finding in doctor.examine():
            wrong += not finding.is_fine
            self.stdout.write(f"{'ok   ' if finding.is_fine else 'WRONG'} {finding.text} {finding.advice}".rstrip())
        if wrong:
            sys.exit(1)
