from django.db import migrations, models


KINDS = {"look": "refresh"}
ERROR_CODES = {
    "HeldOtherwise": "ModelMismatch",
    "PerhapsCarriedOut": "OutcomeUnknown",
    "StillThere": "NotDeleted",
    "UnreadableAnswer": "UnreadableResponse",
}


def rename(operations, kinds, codes):
    for old, new in kinds.items():
        operations.filter(kind=old).update(kind=new)
    for operation in operations.filter(error__code__in=list(codes)).iterator():
        operation.error["code"] = codes[operation.error["code"]]
        operation.save(update_fields=["error"])


def to_field_terms(apps, schema_editor):
    rename(apps.get_model("endpoints", "Operation").objects.using(schema_editor.connection.alias), KINDS, ERROR_CODES)


def from_field_terms(apps, schema_editor):
    operations = apps.get_model("endpoints", "Operation").objects.using(schema_editor.connection.alias)
    rename(operations, {new: old for old, new in KINDS.items()}, {new: old for old, new in ERROR_CODES.items()})


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
        migrations.RunPython(to_field_terms, from_field_terms),
    ]
