"""The site: settings, addresses, the Celery app, health. It wires the rooms together; no rule stands here."""

from dashboard.celery import app as celery_app

__all__ = ["celery_app"]
