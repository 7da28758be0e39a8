"""The Celery app. Tasks live in `endpoints/tasks.py`; what is due is known to the database alone."""

import os

from celery import Celery

from dashboard import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

broker.register()
app = Celery("endpoint-desk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
