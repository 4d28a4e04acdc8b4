"""Backups of the farm's database."""

from app import store
from app.backups import Shelf
from app.wiring._database import database
from app.wiring._settings import settings


def shelf() -> Shelf:
    """The folder in which they are kept, and their key."""
    return Shelf(settings().backup_dir, settings().backup_key.get_secret_value())


def copies() -> store.Copies:
    """How the database is copied and put back."""
    return store.copies(database())
