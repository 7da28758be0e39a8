import sys
from typing import Any

from django.core.management.base import BaseCommand

from dashboard import doctor


class Command(BaseCommand):
    help = "Check everything this installation depends on. Prints one line each, with a fix; exits with 1 on a problem."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        problems = 0
        for finding in doctor.examine():
            problems += not finding.is_ok
            self.stdout.write(f"{'ok   ' if finding.is_ok else 'WRONG'} {finding.text} {finding.advice}".rstrip())
        if problems:
            sys.exit(1)
