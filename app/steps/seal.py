"""Seal what was audited: whoever changes a row afterwards breaks the chain of hashes."""

from datetime import datetime

import structlog

from app.steps.ports import Audits

log = structlog.get_logger()


def seal(*, audits: Audits, at: datetime, batch: int = 500, most: int = 20_000) -> int:
    """How many rows were sealed: all that waited, `batch` in a transaction, or `most` to leave time for other tasks."""
    done, last = 0, batch
    while last == batch and done < most:
        last = audits.seal(batch, at)
        done += last
    if done:
        head = audits.head()
        log.info("audits sealed", rows=done, sequence=head.sequence, hash=head.hash)
    return done
