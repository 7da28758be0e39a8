from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from accounts import audit, flow
from accounts.models import User


class Command(BaseCommand):
    help = (
        "End every session of a user and delete their tokens. "
        "To keep the user out, remove their assignment in Entra ID as well."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="address or object id, as in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["user"]
        users = list(User.objects.filter(Q(username__iexact=name) | Q(oid__iexact=name)))
        if not users:
            raise CommandError(f"No user known as {name} has ever signed in.")
        for user in users:
            flow.sign_out_everywhere(user)
            audit.record("signed-out", None, target=user.username, details={"by": "manage.py sign_out"})
            self.stdout.write(f"{user} ({user.oid}) is signed out everywhere.")
