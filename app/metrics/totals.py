"""What the farm counts in Redis, read when it is asked for: there is one truth."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

NAMES = {
    "ticks_received": "Ticks that the feed put into mailboxes",
    "ticks_processed": "Ticks that drains worked through",
    "ticks_late": "Ticks that came after their bar had closed",
    "ticks_doubled": "Ticks that had been worked through before",
    "ticks_bad": "Ticks that were none",
    "ticks_conflated": "Ticks that the feed put together because mailboxes did not take them",
    "ticks_archived": "Raw ticks that were kept in the database",
    "ticks_archive_lost": "Raw ticks that were dropped before they were archived",
    "frames_broken": "Messages of the venue's stream that could not be read",
    "bars_closed": "Bars that were closed",
    "requests_waited": "Requests to the venue that had to wait for the limiter",
    "limiter_away": "Requests that were let through without the limiter's books",
    "limiter_flushed": "Times that the limiter found its books emptied",
}
ANSWER = "answers_"


class Totals(Collector):
    """`read` tells what was counted since Redis was last flushed; nothing while it cannot."""

    def __init__(self, read: Callable[[], Mapping[str, int]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """One counter for each that the farm has ever raised, and the venue's refusals by their status."""
        counts = self._read()
        for name, meaning in NAMES.items():
            if name in counts:
                yield CounterMetricFamily(name, meaning, counts[name])
        answers = CounterMetricFamily("venue_answers", "Answers by which the venue limited us", labels=("status",))
        for name, count in counts.items():
            if name.startswith(ANSWER):
                answers.add_metric((name.removeprefix(ANSWER),), count)
        yield answers
