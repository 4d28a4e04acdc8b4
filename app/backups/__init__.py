"""Backups: made of what the wiring gives, kept in a folder, checked by restoring them, and put in the place of what is.

One folder per backup, named by the time (UTC) at which it was begun:

    manifest.json        versions, schema, rows and sums of each table, the audit chain's head, the parts' hashes
    database.sqlite.gz   or database.pgdump, pg_dump's custom format
    letters.json         dead letters that waited in Redis for the database
    SHA256SUMS           of all of these, as `sha256sum -c` reads it

With a key each but the last is encrypted and its name ends in `.age`.
"""

from app.backups.make import make
from app.backups.restore import Restored, Wanted, restore
from app.backups.shelf import Kept, Shelf
from app.backups.verify import verify

__all__ = ["Kept", "Restored", "Shelf", "Wanted", "make", "restore", "verify"]
