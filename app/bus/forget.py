"""All keys of one farm, gone: what Redis held of it is a hint, and must not outlive what it was a hint of."""

import redis

AT_ONCE = 500


def forget(client: "redis.Redis", prefix: str) -> int:
    """Delete all keys that begin with the prefix, Celery's too; how many there were."""
    gone, some = 0, []
    for key in client.scan_iter(f"{prefix}*", count=AT_ONCE):
        some.append(key)
        if len(some) == AT_ONCE:
            gone += int(client.delete(*some))
            some = []
    return gone + (int(client.delete(*some)) if some else 0)
