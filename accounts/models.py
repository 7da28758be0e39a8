"""People, their encrypted token caches, and what they did."""

from __future__ import annotations

from typing import Any, ClassVar, Never

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.crypto import salted_hmac

from accounts.roles import Action, allow


class User(AbstractBaseUser):
    """A person of the tenant, known by tenant and object id; addresses and names change hands, these do not."""

    password = None  # type: ignore[assignment]  # nobody has one here
    tid = models.CharField("tenant id", max_length=36)
    oid = models.CharField("object id", max_length=36)
    username = models.CharField(max_length=320)
    name = models.CharField(max_length=256)
    roles: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    roles_checked_at = models.DateTimeField(null=True)
    # Sessions begun before this are over, wherever they are.
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
        """The part of the address that colleagues call each other by."""
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
    def may_read_audit_log(self) -> bool:
        return allow(self.roles, Action.READ_AUDIT_LOG, own=False)

    def get_session_auth_hash(self) -> str:
        """Ties a session to the person, as a password would."""
        return salted_hmac("accounts.User.session", f"{self.tid}.{self.oid}", algorithm="sha256").hexdigest()


class TokenCache(models.Model):
    """A person's msal cache, encrypted. Sign-in makes the row; workers only bring it up to date."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+")
    blob = models.BinaryField()
    # Whoever writes names the version that was read, so that a stale writer changes nothing.
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Tokens of {self.user_id}"


class RateCount(models.Model):
    """How often somebody did something since a moment at most a minute ago; see `accounts/limits.py`."""

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
    """Somebody did something, or was refused it. Entries are added and never changed; the database refuses it too."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    action = models.CharField(max_length=60)
    outcome = models.CharField(max_length=20)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    # As they were then.
    actor_name = models.CharField(max_length=320, blank=True)
    actor_oid = models.CharField(max_length=36, blank=True)
    target = models.CharField(max_length=1024, blank=True)
    details: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    request_id = models.CharField(max_length=36, blank=True)
    # The one that Azure knows the call by.
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
