"""Errors travel between processes and still say what they said."""

import pickle

import pytest

from app.domain.errors import Denied, RateLimited, Refused, Restricted, Unavailable, VenueError


@pytest.mark.parametrize(
    "error",
    [
        Denied("the venue says no", "check the key"),
        RateLimited("too many requests", 2.5),
        Refused("too small", "30002"),
        Restricted("no market orders", "30051", "market_orders"),
        Unavailable("nobody answers"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_in_another_process(error: VenueError) -> None:
    arrived = pickle.loads(pickle.dumps(error))

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)
