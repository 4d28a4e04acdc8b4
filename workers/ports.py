"""A port that nobody uses just now."""

import socket

SERVICES = ("FEED", "TICKS", "SIGNALS", "RISK", "ORDERS", "UPKEEP", "NOTIFIER")
# For a farm beside another one, which nobody looks at.
NO_METRICS = {**{f"CDB_PORT_{service}": "0" for service in SERVICES}, "CDB_CONSOLE_PORT": "0"}


def free_port() -> int:
    """Chosen by the kernel, on loopback; somebody else may take it before its user does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
