"""When a position counts as not protected, and for how long."""

from datetime import timedelta

from app.domain.unprotected import Held, Spell
from tests.fixtures.memory.builders import NOON


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


HELD = Held(1, "BTC/USDT", Spell())
LEAVING = Held(1, "BTC/USDT", Spell(), leaving_since=NOON)


def test_who_is_looked_at_is_protected() -> None:
    assert HELD.exposed_since(NOON, NOON + after(3)) is None


def test_who_was_not_looked_at_for_a_while_is_not_protected_since_the_last_look() -> None:
    assert HELD.exposed_since(NOON, NOON + after(3.1)) == NOON


def test_where_nobody_knows_of_a_look_it_is_not_protected_from_now_on() -> None:
    assert HELD.exposed_since(None, NOON) == NOON


def test_an_exit_has_a_while_to_be_done() -> None:
    assert LEAVING.exposed_since(NOON + after(3), NOON + after(3)) is None
    assert LEAVING.exposed_since(NOON + after(4), NOON + after(4)) == NOON


def test_of_two_reasons_the_older_counts() -> None:
    assert LEAVING.exposed_since(NOON - after(1), NOON + after(4)) == NOON - after(1)
    assert LEAVING.exposed_since(None, NOON + after(4)) == NOON


def test_a_spell_lasts_from_its_beginning_until_the_position_is_seen_protected() -> None:
    begun = Spell().seen(NOON, NOON + after(4))
    longer = begun.seen(NOON + after(5), NOON + after(6))

    assert (begun.since, begun.length_s(NOON + after(4))) == (NOON, 4)
    assert longer == begun
    assert longer.seen(None, NOON + after(7)) == Spell(None, 7.0)


def test_spells_add_up() -> None:
    one = Spell().seen(NOON, NOON).seen(None, NOON + after(2))
    two = one.seen(NOON + after(10), NOON + after(14)).seen(None, NOON + after(15))

    assert two == Spell(None, 7.0)
    assert two.seen(None, NOON + after(60)) == two
    assert two.length_s(NOON + after(60)) == 0
