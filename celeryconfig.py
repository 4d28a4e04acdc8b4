"""How the farm's queues, deliveries, results and periods are set; docs/add-a-queue.md says how to add to them."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from celery import schedules
from kombu import Exchange, Queue
from sqlalchemy import Engine, event

from app import wiring

_settings = wiring.settings()

MEASURE_S = 5.0  # as old may be what Prometheus is told of the whole farm


def _broker(url: str) -> str:
    if not url.startswith("unix://"):
        return url
    parts = urlsplit(url)
    options = {"virtual_host" if name == "db" else name: value for name, value in parse_qsl(parts.query)}
    return f"redis+socket://{parts.path}" + (f"?{urlencode(options)}" if options else "")


def _queue(name: str, **options: Any) -> Queue:
    return Queue(name, Exchange(name, type="direct"), routing_key=name, **options)


def _every(seconds: float, task: str, *args: Any) -> dict[str, Any]:
    # A beat that was not heard in time is worth nothing: the next one does the same.
    return {"task": task, "schedule": timedelta(seconds=seconds), "args": args, "options": {"expires": seconds + 5}}


def _daily(at: str, task: str) -> dict[str, Any]:
    # Beat makes up for a time at which it did not run; one that waited for an hour in its queue is not worth it.
    hour, _, minute = at.partition(":")
    return {"task": task, "schedule": schedules.crontab(minute=minute, hour=hour), "options": {"expires": 3600}}


def _prepare_results(engine: Engine) -> None:
    """SQLite waits for its turn as it does for the farm's own rows; PostgreSQL needs nothing."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 15000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()


imports = (
    "tasks.ticks",
    "tasks.signals",
    "tasks.risk",
    "tasks.orders",
    "tasks.upkeep",
    "tasks._processes",
    "tasks._progress",
    "tasks._dead_letters",
    "tasks._reruns",
    "tasks._metrics",
)

broker_url = _broker(_settings.redis_url)
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_transport_options = {
    "global_keyprefix": _settings.redis_prefix,
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "socket_keepalive": not _settings.redis_url.startswith("unix://"),
    "health_check_interval": 10,
    "retry_on_timeout": False,
    "priority_steps": [0],
}

task_queues = (
    _queue("ticks", no_ack=True),  # upkeep.wake sends a lost drain again
    _queue("signals"),
    _queue("risk"),
    _queue("orders"),
    _queue("upkeep"),
)
task_routes = {f"tasks.{queue.name}.*": {"queue": queue.name} for queue in task_queues}
task_default_queue = task_default_exchange = task_default_routing_key = "upkeep"
task_create_missing_queues = False
task_publish_retry_policy = {"max_retries": 3, "interval_start": 0.05, "interval_step": 0.2, "interval_max": 1}
task_serializer = result_serializer = "json"
accept_content = result_accept_content = ["json"]
task_acks_late = False
task_reject_on_worker_lost = False
task_soft_time_limit, task_time_limit = 30, 60
task_send_sent_event = False
task_track_started = False

task_ignore_result = True
task_store_errors_even_if_ignored = True
result_backend = f"tasks._results:Results+{wiring.database().url.render_as_string(hide_password=False)}"
result_extended = True
result_expires = timedelta(days=7)
database_create_tables_at_setup = False  # the migrations make them
database_engine_options = {"pool_pre_ping": True, "pool_recycle": 3600}
database_engine_callback = _prepare_results

worker_consumer = "tasks._consumer:Consumer"
worker_prefetch_multiplier = 1
worker_disable_prefetch = True
worker_soft_shutdown_timeout = 20
worker_enable_soft_shutdown_on_idle = True
worker_max_memory_per_child = 400_000  # KiB
worker_send_task_events = False
worker_hijack_root_logger = False
worker_redirect_stdouts = False

timezone = "UTC"
beat_scheduler = "tasks._scheduler:OneScheduler"
beat_schedule_filename = str(_settings.data_dir / "celerybeat-schedule")
beat_schedule = {
    "wake": _every(_settings.wake_s, "tasks.upkeep.wake"),
    "sweep": _every(_settings.sweep_s, "tasks.upkeep.sweep"),
    "letters": _every(_settings.sweep_s, "tasks.upkeep.keep_letters"),
    "results": _every(_settings.sweep_s, "tasks.upkeep.keep_results"),
    "withdraw": _every(_settings.sweep_s, "tasks.upkeep.withdraw"),
    "watch": _every(_settings.sweep_s, "tasks.upkeep.watch"),
    "mark": _every(_settings.mark_s, "tasks.upkeep.mark_equity"),
    "seal": _every(_settings.seal_s, "tasks.upkeep.seal"),
    "warm": _every(_settings.warm_s, "tasks.upkeep.warm"),
    "reconcile": _every(_settings.reconcile_s / 5, "tasks.upkeep.reconcile"),  # a run is a slice of what is due
    "refresh": _every(_settings.refresh_s, "tasks.upkeep.refresh_instruments"),
    "measure": _every(MEASURE_S, "tasks.upkeep.measure"),
    "retain": _every(_settings.retain_s, "tasks.upkeep.retain"),
}
if _settings.backup_at and _settings.clock == "system":
    beat_schedule["backup"] = _daily(_settings.backup_at, "tasks.upkeep.back_up")
if _settings.clock == "system":  # a replay is heard whole, and may be worked through long after its time
    beat_schedule["check-history"] = _every(_settings.warm_s, "tasks.upkeep.check_history")
    beat_schedule["check-clock"] = _every(_settings.warm_s, "tasks.upkeep.check_clock")
if _settings.archive:
    beat_schedule |= {
        f"archive-{shard}": _every(_settings.archive_s, "tasks.upkeep.archive", shard)
        for shard in range(_settings.shards)
    }
