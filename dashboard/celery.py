"""The Celery app. Tasks live in `endpoints/tasks.py`; only the database knows which work is due."""

import os

from celery import Celery
from celery.signals import after_task_publish, task_prerun

from dashboard import broker, heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

broker.register()
app = Celery("endpoint-desk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

task_prerun.connect(heartbeat.of_worker)
after_task_publish.connect(heartbeat.of_beat, sender="endpoints.tasks.sweep")
