from django.contrib.auth.backends import BaseBackend

from accounts.models import User


class EntraBackend(BaseBackend):
    """Finds the person of a session. There is no way in but Entra ID, so it authenticates nobody."""

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id).first()
