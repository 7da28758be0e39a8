from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dashboard import processes


class Command(BaseCommand):
    help = "Wake the workers every second. One process is enough; a second one does no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        processes.exec_process(processes.beat(settings.CELERY_BEAT_SCHEDULE_FILENAME))
