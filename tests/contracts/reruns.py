"""What everything does that sends failed tasks once more."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from app.domain.rerun import NotSent
from app.steps.ports import Reruns
from tests.fixtures.memory.builders import a_letter

NEXT = {"task": "tasks.orders.place", "args": [], "kwargs": {}, "options": {"task_id": "task-2"}, "immutable": False}


@dataclass
class RerunsUnderTest:
    """The port, what it has sent, and a way to take its broker away."""

    port: Reruns
    sent: Callable[[], list[dict[str, Any]]]
    take_away: Callable[[], object]


class RerunsContract:
    """Subclasses give the fixture `reruns`."""

    def test_a_task_is_sent_as_it_was_with_the_rest_of_its_chain(self, reruns: RerunsUnderTest) -> None:
        letter = a_letter(
            "task-1",
            name="tasks.risk.approve",
            args='["S-1"]',
            root_id="root",
            parent_id="parent",
            chain=json.dumps([NEXT]),
        )
        assert reruns.port.obstacle(letter) == ""
        reruns.port.send(letter, 3)

        assert reruns.sent() == [
            {
                "task": "tasks.risk.approve",
                "args": ["S-1"],
                "id": "task-1",
                "root_id": "root",
                "parent_id": "parent",
                "cdb_correlation_id": "frame-1",
                "cdb_rerun": 3,
                "chain": [NEXT],
            }
        ]

    def test_a_first_task_is_its_own_root(self, reruns: RerunsUnderTest) -> None:
        reruns.port.send(a_letter("task-1"), 1)

        [sent] = reruns.sent()
        assert (sent["root_id"], sent["parent_id"], sent["chain"]) == ("task-1", None, None)

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"name": "tasks.orders.nobody"}, "there is still no task tasks.orders.nobody"),
            ({"name": "tasks.ticks.drain", "args": "[1]"}, "the farm sends this task again by itself"),
            ({"args": '["O-1", "O-2"]'}, "its arguments are not those of tasks.orders.place"),
            ({"chain": '[{"task": "tasks.orders.nobody"}]'}, "the rest of its chain is unknown here: tasks.orders.n"),
            ({"chain": "[5]"}, "the rest of its chain is unknown here: ?"),
        ],
    )
    def test_what_nobody_here_can_run_is_told(self, reruns: RerunsUnderTest, changes: Any, told: str) -> None:
        assert reruns.port.obstacle(a_letter(**changes)).startswith(told)

    def test_a_broker_that_is_away_is_told(self, reruns: RerunsUnderTest) -> None:
        reruns.take_away()

        with pytest.raises(NotSent):
            reruns.port.send(a_letter(), 1)
