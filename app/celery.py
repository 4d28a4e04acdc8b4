"""The farm's Celery app: what `celery -A app` finds."""

import os

from celery import Celery

from app import wiring

# Celery would prefer these to our settings: another project's, exported in a shell, would lead the farm to its servers.
FOREIGN = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND")

try:
    wiring.settings()
except wiring.SettingsError as error:
    raise SystemExit(str(error)) from None  # Celery would show the reader a traceback in its place

for name in FOREIGN:
    os.environ.pop(name, None)

farm = Celery("cdb")
farm.config_from_object("celeryconfig")
