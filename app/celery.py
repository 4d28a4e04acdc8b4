"""The farm's Celery app: what `celery -A app` finds."""

from celery import Celery

from app import wiring

try:
    wiring.settings()
except wiring.SettingsError as error:
    raise SystemExit(str(error)) from None  # Celery would show the reader a traceback in its place

farm = Celery("cdb")
farm.config_from_object("celeryconfig")
