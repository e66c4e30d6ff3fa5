"""What every registered detector must do, whatever its method; one check at a time.

After scikit-learn's and river's ``check_estimator``: each check is a name and a function without arguments that raises
AssertionError. ``for name, check in detector_checks("uproar"): check()``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from detectors.errors import SeriesError, StateError
from detectors.incidents.detect import detect
from detectors.spikes import create, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from detectors.spikes import Detector, Scores

    Floats = NDArray[np.float64]
    Check = Callable[[str], None]

START = datetime(2026, 3, 2, tzinfo=UTC)
WIDTH_S = 1200
DAY = 72
"""Bins of a day."""


def detector_checks(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the checks of a registered detector: what it checks, and the function that does it."""
    for check in CHECKS:
        yield check.__name__.removeprefix("check_"), _bound(check, name)


def _bound(check: Check, name: str) -> Callable[[], None]:
    return lambda: check(name)


def example_counts(days: int = 10, *, n: int = 3, seed: int = 0) -> Floats:
    """Return made-up counts of shape (n, bins): a rhythm of the day, gaps, and an outage in each series."""
    rng = np.random.default_rng(seed)
    bins = days * DAY
    rates = np.array([0.4, 5.0, 40.0])[np.arange(n) % 3, np.newaxis]
    rhythm = 1 + 0.6 * np.sin(2 * np.pi * np.arange(bins) / DAY)
    y = rng.poisson(rates * rhythm * rng.gamma(10, 0.1, (n, bins))).astype(float)
    for i in range(n):
        start = int(rng.integers(4 * DAY, bins - DAY))
        y[i, start : start + 6] += 12 * rates[i, 0] + 15
        gap = int(rng.integers(0, bins - 10))
        y[i, gap : gap + 10] = np.nan
    return y


def _create(name: str, n: int, start_at: datetime = START) -> Detector:
    return create(name, n, bin_width_s=WIDTH_S, start_at=start_at)


def _assert_same(found: Scores, wanted: Scores) -> None:
    """Equal to the last bit."""
    for field in ("watch", "page", "expected", "dispersion", "watch_window", "page_window", "is_frozen", "is_silent"):
        a, b = getattr(found, field), getattr(wanted, field)
        if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            raise AssertionError(f"{field} differs in {int((a != b).sum())} of {a.size} places")


def _assert(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)


# --- the checks ----------------------------------------------------------------------------------------------


def check_causal(name: str) -> None:
    """Check that what comes later changes no score: a prefix gives the same scores."""
    y = example_counts()
    whole = _create(name, len(y)).run(y)
    for cut in (1, 5 * DAY + 7, y.shape[1] - 1):
        other = y.copy()
        other[:, cut:] = 1000.0
        for series in (y[:, :cut], other):
            found = _create(name, len(y)).run(series)
            for score, wanted in ((found.page, whole.page), (found.watch, whole.watch)):
                same = np.array_equal(score[:, :cut], wanted[:, :cut], equal_nan=True)
                _assert(same, f"scores before bin {cut} depend on what comes after it")


def check_stream_is_batch(name: str) -> None:
    """Check that bin by bin gives the same scores as all at once."""
    y = example_counts(6)
    whole = _create(name, len(y)).run(y)
    detector = _create(name, len(y))
    for b in range(y.shape[1]):
        _assert_same(detector.step(y[:, b]), whole.column(b))


def check_alone_is_among_others(name: str) -> None:
    """Check that a series gives the same scores alone as among others."""
    y = example_counts(6)
    whole = _create(name, len(y)).run(y)
    for i in range(len(y)):
        _assert_same(_create(name, 1).run(y[i : i + 1]).row(0), whole.row(i))


def check_state_round_trip(name: str) -> None:
    """Check that the state goes through JSON at any split, and the scores do not notice."""
    y = example_counts(6)
    whole = _create(name, len(y)).run(y)
    for cut in (0, 1, DAY - 1, DAY, 3 * DAY + 11, y.shape[1] - 1):
        detector = _create(name, len(y))
        detector.run(y[:, :cut])
        again = restore(json.loads(json.dumps(detector.state())))
        found = again.run(y[:, cut:])
        for i in range(y.shape[1] - cut):
            _assert_same(found.column(i), whole.column(cut + i))


def check_refuses_foreign_state(name: str) -> None:
    """Check that a state of another version, or a damaged one, is refused."""
    state = _create(name, 1).state()
    damaged = [{**state, "version": "nobody-0"}, {}]
    damaged += [{k: v for k, v in state.items() if k != key} for key in state if key != "version"]
    for wrong in damaged:
        try:
            restore(wrong)
        except StateError:
            continue
        raise AssertionError(f"a state without {sorted(set(state) - set(wrong)) or 'its version'} was accepted")


def check_gaps(name: str) -> None:
    """Check NaN anywhere, whole leading weeks too: no score there, scores elsewhere, and the outage is found."""
    y = example_counts(12)
    for first in (0, 1, 3 * DAY, 8 * DAY):
        late = y.copy()
        late[:, :first] = np.nan
        late[1, 9 * DAY :] = 5.0
        late[1, 11 * DAY : 11 * DAY + 5] = 400.0
        scores = _create(name, len(late)).run(late)
        _assert(np.isnan(scores.page[np.isnan(late)]).all(), "a score where nothing was observed")
        _assert(not np.isnan(scores.page[1, 10 * DAY :]).any(), f"no score after {first} missing bins")
        _assert(np.nanmax(scores.page[1, 11 * DAY :]) >= 1, f"an outage after {first} missing bins was not found")


def check_never_observed(name: str) -> None:
    """Check that a series that is never observed has no scores, and an empty one neither."""
    scores = _create(name, 2).run(np.full((2, 3 * DAY), np.nan))
    _assert(np.isnan(scores.page).all() and np.isnan(scores.watch).all(), "a score out of nothing")
    _assert(_create(name, 2).run(np.zeros((2, 0))).page.shape == (2, 0), "no bins must give no scores")


def check_constant(name: str) -> None:
    """Check that counts that never change raise no alarm."""
    levels = np.array([[0.0], [0.4], [1.0], [2.0], [7.0], [200.0], [1e6]])
    scores = _create(name, len(levels)).run(np.repeat(levels, 9 * DAY, axis=1))
    _assert(not (scores.page >= 1).any() and not (scores.watch >= 1).any(), "an alarm on constant counts")


def check_cold_start(name: str) -> None:
    """Check that it says when it does not know yet: no score in the first hour, and one after a day."""
    scores = _create(name, 1).run(np.full((1, 2 * DAY), 5.0))
    _assert(np.isnan(scores.page[0, :3]).all(), "a score in the first hour")
    _assert(not np.isnan(scores.page[0, DAY:]).any(), "no score after a day")


def check_a_week_later(name: str) -> None:
    """Check that the same counts a week later give the same scores."""
    y = example_counts(9)
    _assert_same(_create(name, len(y), START + timedelta(weeks=1)).run(y), _create(name, len(y)).run(y))


def check_refuses_bad_counts(name: str) -> None:
    """Check that impossible counts are refused, and so are naive, unsorted and uneven times."""
    for wrong in ([[-1.0]], [[np.inf]], [1.0], [[1.0], [1.0], [1.0]]):
        try:
            _create(name, 2).run(np.array(wrong))
        except SeriesError:
            continue
        raise AssertionError(f"counts {wrong} were accepted by a detector of two series")
    index = pd.date_range(START, periods=200, freq="20min")
    counts = pd.Series(3.0, index=index)
    for wrong_counts in (counts.tz_localize(None), counts[::-1], counts.drop(index[5]), counts[:0]):
        try:
            detect(wrong_counts, detector=name)
        except SeriesError:
            continue
        raise AssertionError(f"times {wrong_counts.index[:3]} were accepted")


def check_refuses_a_naive_start(name: str) -> None:
    """Check that a start without a zone is refused, and so is an impossible bin width."""
    wrong: list[dict[str, Any]] = [{"start_at": START.replace(tzinfo=None)}, {"bin_width_s": 0}, {"bin_width_s": 3601}]
    for change in wrong:
        arguments: dict[str, Any] = {"bin_width_s": WIDTH_S, "start_at": START, **change}
        try:
            create(name, 1, **arguments)
        except SeriesError:
            continue
        raise AssertionError(f"{change} was accepted")


CHECKS: tuple[Check, ...] = (
    check_causal,
    check_stream_is_batch,
    check_alone_is_among_others,
    check_state_round_trip,
    check_refuses_foreign_state,
    check_gaps,
    check_never_observed,
    check_constant,
    check_cold_start,
    check_a_week_later,
    check_refuses_bad_counts,
    check_refuses_a_naive_start,
)
