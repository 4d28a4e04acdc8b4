"""The market divided over feeds: every mailbox has one shard, every shard one feed, and little moves."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.shards import fair_part, own_mailboxes, unheard

counts = st.integers(1, 64)
names = st.lists(st.text("abcdef", min_size=1), min_size=1, max_size=9, unique=True)


@given(counts, counts)
def test_every_mailbox_belongs_to_exactly_one_shard_and_every_shard_has_some(one: int, another: int) -> None:
    shards, mailboxes = sorted((one, another))
    own = [own_mailboxes(shard, shards, mailboxes) for shard in range(shards)]

    assert sorted(mailbox for some in own for mailbox in some) == [*range(mailboxes)]
    assert all(own)
    assert all(mailbox % shards == shard for shard, some in enumerate(own) for mailbox in some)


def test_a_feed_alone_has_all_and_several_share() -> None:
    assert fair_part("a", ["", "", "", ""], ["a"]) == 4
    assert [fair_part(feed, ["a", "a", "a", "a"], ["a", "b"]) for feed in "ab"] == [2, 2]
    assert [fair_part(feed, ["a", "a", "b", "b"], ["a", "b", "c"]) for feed in "abc"] == [2, 1, 1]
    assert [fair_part(feed, ["b"], ["a", "b"]) for feed in "ab"] == [0, 1]


@given(names, st.data())
def test_parts_are_even_and_together_are_all(feeds: list[str], data: st.DataObject) -> None:
    holders = data.draw(st.lists(st.sampled_from(["", *feeds, "who was there"]), min_size=1, max_size=64))

    parts = [fair_part(feed, holders, feeds) for feed in feeds]

    assert sum(parts) == len(holders)
    assert max(parts) - min(parts) <= 1


@given(names, counts, st.data())
def test_who_comes_is_given_its_part_and_nothing_else_moves(feeds: list[str], shards: int, data: st.DataObject) -> None:
    holders = settled([""] * shards, feeds)
    newcomer = data.draw(st.text("abcdefxyz", min_size=1).filter(lambda name: name not in feeds))
    after = settled(holders, [*feeds, newcomer])

    moved = [now for before, now in zip(holders, after, strict=True) if before != now]
    assert moved == [newcomer] * (shards // (len(feeds) + 1))


@given(names.filter(lambda some: len(some) > 1), counts)
def test_what_a_dead_feed_had_is_taken_over_and_nothing_else_moves(feeds: list[str], shards: int) -> None:
    holders = settled([""] * shards, feeds)
    after = settled(["" if one == feeds[0] else one for one in holders], feeds[1:])

    moved = [before for before, now in zip(holders, after, strict=True) if before != now]
    assert moved == [feeds[0]] * holders.count(feeds[0])


def test_who_hears_nothing_is_named() -> None:
    assert unheard([1], 2) == "nobody hears shard 1 of 2"
    assert unheard([0, 3], 4) == "nobody hears shards 0, 3 of 4"


def settled(holders: list[str], feeds: list[str]) -> list[str]:
    """Who has each shard when all, in turns, have taken what is free and given back what is too much."""
    now = list(holders)
    for feed in feeds * 4:
        lacks = fair_part(feed, now, feeds) - now.count(feed)
        for shard in [shard for shard, holder in enumerate(now) if not holder][: max(0, lacks)]:
            now[shard] = feed
        for shard in [shard for shard, holder in enumerate(now) if holder == feed][: max(0, -lacks)]:
            now[shard] = ""
    assert "" not in now
    assert all(now.count(feed) == fair_part(feed, now, feeds) for feed in feeds)
    return now
