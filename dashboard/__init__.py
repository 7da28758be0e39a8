"""The site: settings, addresses, the Celery app, health. It wires the rooms together and knows no rule about endpoints."""

from dashboard.celery import app as celery_app

__all__ = ["celery_app"]
