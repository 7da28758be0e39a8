from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("endpoints", "0007_findings")]

    operations = [migrations.AddField("workspaceaccess", "lost_at", models.DateTimeField(null=True))]
