from django.db import migrations, models


def rename_look(apps, schema_editor):
    apps.get_model("endpoints", "Operation").objects.filter(kind="look").update(kind="refresh")


def rename_refresh(apps, schema_editor):
    apps.get_model("endpoints", "Operation").objects.filter(kind="refresh").update(kind="look")


class Migration(migrations.Migration):

    dependencies = [
        ("endpoints", "0002_operations_of_every_kind"),
    ]

    operations = [
        migrations.RemoveIndex("operation", "operation_parked"),
        migrations.RenameField("endpoint", "asked", "requested"),
        migrations.RenameField("operation", "asked_by", "requested_by"),
        migrations.RenameField("operation", "asked_at", "requested_at"),
        migrations.RenameField("operation", "wants_fresh_token", "force_token_refresh"),
        migrations.RenameField("operation", "paced_by_azure", "has_retry_after"),
        migrations.AlterField(
            model_name="operation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("create", "Create"),
                    ("update", "Update"),
                    ("delete", "Delete"),
                    ("regenerate-key", "Regenerate a key"),
                    ("refresh", "Refresh"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            "operation",
            models.Index(fields=["requested_by"], condition=models.Q(needs_sign_in=True), name="operation_parked"),
        ),
        migrations.RunPython(rename_look, rename_refresh),
    ]
