from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from accounts import audit, flow
from accounts.models import User


class Command(BaseCommand):
    help = (
        "End every session of a person and forget their tokens at once. Whoever may not come back "
        "also has to lose the assignment in Entra ID."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="address or object id, as the audit log has it")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["person"]
        people = list(User.objects.filter(Q(username__iexact=wanted) | Q(oid__iexact=wanted)))
        if not people:
            raise CommandError(f"Nobody known as {wanted} has ever signed in.")
        for user in people:
            flow.end_everywhere(user)
            audit.record("signed-out", None, target=user.username, details={"by": "manage.py sign_out"})
            self.stdout.write(f"{user} ({user.oid}) is signed out everywhere.")
