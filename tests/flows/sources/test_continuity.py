"""A feed's continuity: what is claimed, what is a hole, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flows.sources.continuity import MOVED, STOOD_STILL, Continuity

QUIET_US = 60
steps = st.lists(
    st.tuples(st.integers(-30, 100), st.sampled_from(["", "", "", "connect", "take"])), min_size=1, max_size=40
)


@given(steps, st.none() | st.integers(0, 50))
def test_what_was_seen_and_the_holes_make_up_the_whole_time(moves: list[tuple[int, str]], seen_us: int | None) -> None:
    """Compared with the events themselves: a moment is in a hole exactly if no two close events enclose it."""
    feed = Continuity(seen_us, QUIET_US)
    stretches, holes = [], []
    at_us, expected = 1000, []
    last_us, is_first = seen_us, True

    def take() -> None:
        found, hole = feed.take(late="")
        stretches.extend(found)
        holes.extend([hole] if hole else [])

    for step_us, then in moves:
        at_us += step_us
        if last_us is not None and at_us - last_us > (0 if is_first else QUIET_US):
            expected.append((last_us, at_us, MOVED if is_first else STOOD_STILL))
        last_us, is_first = max(at_us, last_us if last_us is not None else at_us), False
        if feed.move(at_us) or then == "take":
            take()
        if then == "connect":
            feed.connect()
            is_first = True
    take()
    assert holes == expected
    first_us = seen_us if seen_us is not None else 1000 + moves[0][0]
    pieces = sorted([*stretches, *((start, end) for start, end, _ in holes)])
    ends = [first_us, *(end for _, end in pieces)]
    assert [start for start, _ in pieces] == ends[:-1]
    assert ends[-1] == last_us == feed.seen_us


def test_what_came_late_is_a_hole_as_a_whole() -> None:
    feed = Continuity(100, QUIET_US)
    assert [feed.move(at_us) for at_us in (100, 150, 300, 310)] == [False, False, True, False]
    assert feed.take(late="late") == ([], (100, 310, "late"))
    assert feed.move(320) is False
    assert feed.take(late="") == ([(310, 320)], None)


def test_nothing_seen_is_nothing_late() -> None:
    assert Continuity(None, QUIET_US).take(late="late") == ([], None)
    feed = Continuity(100, QUIET_US)
    assert feed.move(130) is True
    assert feed.take(late="late") == ([], (100, 130, MOVED))
