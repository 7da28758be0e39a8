"""Triggers that make the audit log append-only, whichever client writes to it.

SQLite drops the triggers of a table that a later migration rebuilds: such a migration must call `create` again.
"""

from django.db import migrations

SENTENCE = "An audit entry is never changed or deleted."
TABLE = "accounts_auditentry"
CREATE = {
    "sqlite": [
        f"CREATE TRIGGER audit_entry_not_changed BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END",
        f"CREATE TRIGGER audit_entry_not_deleted BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END",
        # INSERT OR REPLACE would replace an entry.
        f"CREATE TRIGGER audit_entry_not_replaced BEFORE INSERT ON {TABLE} "
        f"WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION audit_entry_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{SENTENCE}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        f"CREATE TRIGGER audit_entry_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuses()",
    ],
}
DROP = {
    "sqlite": [f"DROP TRIGGER audit_entry_not_{what}" for what in ("changed", "deleted", "replaced")],
    "postgresql": ["DROP FUNCTION audit_entry_refuses() CASCADE"],
}


def create(apps, schema_editor):
    for statement in CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
