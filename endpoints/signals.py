"""When a user signs in, resume their parked operations and read what they may see in Azure."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from accounts.models import User
from endpoints.access import make_due
from endpoints.services import resume_parked


@receiver(user_logged_in)
def read_access_after_sign_in(user: User, **kwargs: Any) -> None:
    make_due(user)


@receiver(user_logged_in)
def resume_after_sign_in(user: User, **kwargs: Any) -> None:
    resume_parked(user)
