"""Resume parked operations when their user signs in."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from accounts.models import User
from endpoints.services import resume_parked


@receiver(user_logged_in)
def resume_after_sign_in(user: User, **kwargs: Any) -> None:
    resume_parked(user)
