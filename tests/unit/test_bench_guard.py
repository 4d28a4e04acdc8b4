"""What the guard of the hot paths makes of the times that it measures."""

from tests.bench.guard import Hot, Ratio, measured, told


class Clock:
    """Goes on by what the works cost; each is dearer once, as on a machine that does something else."""

    def __init__(self) -> None:
        self.at = 0.0
        self.calls = 0

    def __call__(self) -> float:
        return self.at

    def spend(self, cost: float) -> None:
        self.calls += 1
        self.at += cost * (1 if self.calls > 2 else 5)


def hot(cost: float) -> tuple[Hot, Clock]:
    clock = Clock()
    return Hot(lambda: clock.spend(cost), lambda: clock.spend(1.0), 2.0, "app/there.py"), clock


def test_the_least_of_each_counts() -> None:
    path, clock = hot(2.0)
    assert measured(path, 3, clock) == Ratio(2.0, 2.0)


def test_a_path_may_cost_a_little_more_than_it_did_and_not_twice_as_much() -> None:
    assert Ratio(2.5, 2.0).holds
    assert not Ratio(4.0, 2.0).holds


def test_who_made_it_slow_is_told_where_to_look() -> None:
    path, _ = hot(4.0)
    fine, slow, cure = told({"fine": Ratio(2.0, 2.0), "drain": Ratio(4.0, 2.0)}, {"fine": path, "drain": path})

    assert fine.startswith("ok ")
    assert slow == "SLOW drain: 4.00 times its yardstick, written down is 2.00"
    assert "2.0 times the CPU" in cure
    assert "app/there.py" in cure
