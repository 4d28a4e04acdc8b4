"""Wrong passwords cost time."""

from app.web.attempts import ALL, ALL_WITHIN_S, FORGOTTEN_S, FREE, LONGEST_S, REMEMBERED, Attempts


def failed(attempts: Attempts, address: str, times: int, at_s: float = 0.0) -> Attempts:
    for _ in range(times):
        attempts.failed(address, at_s)
    return attempts


def test_some_mistakes_are_free() -> None:
    assert failed(Attempts(), "a", FREE - 1).wait_s("a", 0) == 0


def test_after_them_each_costs_twice_as_long_up_to_a_limit() -> None:
    attempts = failed(Attempts(), "a", FREE)
    waits = []
    for _ in range(12):
        waits.append(attempts.wait_s("a", 0))
        attempts.failed("a", 0)

    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_S


def test_waiting_helps() -> None:
    attempts = failed(Attempts(), "a", FREE, at_s=100)

    assert attempts.wait_s("a", 100.5) == 0.5
    assert attempts.wait_s("a", 101) == 0


def test_another_address_and_who_knows_the_password_do_not_wait() -> None:
    attempts = failed(Attempts(), "a", FREE + 3)
    assert attempts.wait_s("b", 0) == 0

    attempts.succeeded("a")
    assert attempts.wait_s("a", 0) == 0


def test_old_failures_are_forgotten() -> None:
    attempts = failed(Attempts(), "a", FREE + 3)
    attempts.failed("a", FORGOTTEN_S + 1)

    assert attempts.wait_s("a", FORGOTTEN_S + 1) == 0


def test_many_addresses_together_wait_too() -> None:
    attempts = Attempts()
    for number in range(ALL):
        attempts.failed(f"address {number}", number / 100)

    assert attempts.wait_s("new", 1) == ALL_WITHIN_S - 1
    assert attempts.wait_s("new", ALL_WITHIN_S) == 0


def test_what_is_remembered_is_bounded() -> None:
    attempts = Attempts()
    for number in range(REMEMBERED + 10):
        attempts.failed(str(number), 0)

    assert len(attempts._of) == REMEMBERED
