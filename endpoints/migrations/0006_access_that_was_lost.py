from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("endpoints", "0005_checks_replace_refreshes")]

    operations = [migrations.AddField("workspaceaccess", "lost_at", models.DateTimeField(null=True))]
