"""A refresh is no operation any more: a running one becomes a check, and all of them leave the operations."""

from django.db import migrations, models
from django.db.models import F
from django.utils import timezone


def to_checks(apps, schema_editor):
    alias, now = schema_editor.connection.alias, timezone.now()
    model = lambda name: apps.get_model("endpoints", name).objects.using(alias)  # noqa: E731
    refreshes = model("Operation").filter(kind="refresh")
    for operation in refreshes.filter(settled_at=None):
        model("EndpointCheck").get_or_create(
            endpoint_id=operation.endpoint_id,
            defaults={"requested_by_id": operation.requested_by_id, "requested_at": now, "due_at": now},
        )
        # The state before the refresh is not known, and the check will bring it.
        model("Endpoint").filter(pk=operation.endpoint_id).update(state="unknown", reason="", urgency=0, state_since=now)
    model("Event").filter(operation__kind="refresh").update(operation=None)
    refreshes.delete()
    # Workers count the endpoints of every workspace once.
    model("Workspace").update(version=F("version") + 1)


class Migration(migrations.Migration):
    dependencies = [("endpoints", "0004_fleet")]
    operations = [
        migrations.RunPython(to_checks, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="operation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("create", "Create"),
                    ("update", "Update"),
                    ("delete", "Delete"),
                    ("regenerate-key", "Regenerate a key"),
                ],
                max_length=20,
            ),
        ),
    ]
