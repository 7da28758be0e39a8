"""Users, their encrypted token caches, and the audit log."""

from __future__ import annotations

from typing import Any, ClassVar, Never

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.crypto import salted_hmac

from accounts.roles import Action, allow


class User(AbstractBaseUser):
    """A user of the tenant, identified by tenant and object id: addresses and names can pass to another person.

    https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization
    """

    password = None  # type: ignore[assignment]  # users sign in with Entra ID
    tid = models.CharField("tenant id", max_length=36)
    oid = models.CharField("object id", max_length=36)
    username = models.CharField(max_length=320)
    name = models.CharField(max_length=256)
    roles: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    roles_checked_at = models.DateTimeField(null=True)
    # Sessions that started before this have ended, in every browser.
    signed_out_at = models.DateTimeField(null=True)

    USERNAME_FIELD = "id"
    EMAIL_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = BaseUserManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tid", "oid"], name="a_person_has_one_row")]

    def __str__(self) -> str:
        return self.username

    @property
    def short_name(self) -> str:
        """The name without the domain, as colleagues know it."""
        return self.username.partition("@")[0] or self.name

    @property
    def may_view_endpoints(self) -> bool:
        return allow(self.roles, Action.VIEW_ENDPOINTS, own=False)

    @property
    def may_create_endpoints(self) -> bool:
        return allow(self.roles, Action.CREATE_ENDPOINT, own=False)

    @property
    def may_register_workspaces(self) -> bool:
        return allow(self.roles, Action.REGISTER_WORKSPACE, own=False)

    @property
    def may_unregister_workspaces(self) -> bool:
        return allow(self.roles, Action.UNREGISTER_WORKSPACE, own=False)

    @property
    def may_read_audit_log(self) -> bool:
        return allow(self.roles, Action.READ_AUDIT_LOG, own=False)

    def get_session_auth_hash(self) -> str:
        """Ties a session to the user, as a password hash would."""
        return salted_hmac("accounts.User.session", f"{self.tid}.{self.oid}", algorithm="sha256").hexdigest()


class TokenCache(models.Model):
    """A user's encrypted msal cache. Sign-in creates the row; workers only update it."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+")
    blob = models.BinaryField()
    # An update names the version it read, so that a stale one changes nothing.
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Tokens of {self.user_id}"


class RateCount(models.Model):
    """The count of a rate limit in a one-minute window that began at `since`; see `accounts/limits.py`."""

    key = models.CharField(max_length=100, primary_key=True)
    since = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.key} {self.count}"


class AuditEntries(models.QuerySet["AuditEntry"]):
    def update(self, **columns: Any) -> Never:
        raise TypeError("Audit entries are never changed.")

    def delete(self) -> Never:
        raise TypeError("Audit entries are never deleted.")


class AuditEntry(models.Model):
    """An action or a refusal. Entries are append-only; triggers in the database hold that too."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    action = models.CharField(max_length=60)
    outcome = models.CharField(max_length=20)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    # As they were at the time.
    actor_name = models.CharField(max_length=320, blank=True)
    actor_oid = models.CharField(max_length=36, blank=True)
    target = models.CharField(max_length=1024, blank=True)
    details: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    request_id = models.CharField(max_length=36, blank=True)
    # The id by which Azure knows the call.
    correlation_id = models.CharField(max_length=36, blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    objects = AuditEntries.as_manager()

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.outcome}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("An audit entry is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("An audit entry is never deleted.")
