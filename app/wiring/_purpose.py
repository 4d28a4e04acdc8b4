"""What keeps paper and real money apart where both could meet: in a database, and in Redis."""

from app import bus, store
from app.wiring._clock import now
from app.wiring._database import database
from app.wiring._redis import keys, redis
from app.wiring._settings import settings


def another_purpose() -> str | None:
    """Why this farm must not start on its servers, and the cure; None if they are for farms in its mode.

    Raises DatabaseError and RedisError.
    """
    mode = settings().mode
    kept = store.Purpose(database()).claim(mode, now())
    if kept != mode:
        cure = "Give this farm a database of its own: CDB_DATA_DIR, or CDB_DATABASE_URL"
        return (
            f"The database is that of a farm in mode {kept}; in mode {mode} its positions would be traded too. {cure}"
        )
    kept = bus.Purpose(redis(), keys()).claim(mode)
    if kept != mode:
        cure = "Give this farm keys of its own: CDB_REDIS_PREFIX, or CDB_REDIS_URL"
        return (
            f"The keys {keys().prefix}* in Redis are those of a farm in mode {kept}, which hears another market. {cure}"
        )
    return None
