"""Every registered detector keeps the rules, and the checks notice one that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.evaluation.conformance import CHECKS, detector_checks, example_counts
from detectors.spikes import DETECTORS, registry
from detectors.spikes.plain import PlainCount
from tests.builders import START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike

    from detectors.spikes import Scores

ALL = [pytest.param(check, id=f"{name}-{what}") for name in DETECTORS for what, check in detector_checks(name)]


@pytest.mark.parametrize("check", ALL)
def test_detector_conforms(check: Callable[[], None]) -> None:
    check()


class Careless(PlainCount):
    """Breaks every rule that a detector can break."""

    def run(self, observed: ArrayLike) -> Scores:
        y = np.array(observed, dtype=np.float64, ndmin=2)
        scores = super().run(np.zeros((len(self._memory), y.shape[-1])))
        usual = np.nanmean(np.append(y[np.isfinite(y)], 1.0))  # looks ahead, and at its neighbours
        scores.page[:] = (
            np.nan_to_num(y[: len(scores.page)], nan=3.0, posinf=3.0) / (1 + abs(usual)) + self.start_at.day / 100
        )
        return scores

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Careless:
        memory = state.get("memory", [])
        return cls(len(memory), bin_width_s=60, start_at=START)

    def __init__(self, n_series: int, *, bin_width_s: int, start_at: Any) -> None:
        super().__init__(n_series, bin_width_s=min(max(bin_width_s, 1), 3600), start_at=start_at.astimezone())


@pytest.mark.parametrize("what", [check.__name__.removeprefix("check_") for check in CHECKS])
def test_checks_notice_a_careless_detector(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = registry.Entry(Careless, Careless.from_state, "plain-count-1", "nowhere")
    monkeypatch.setattr(registry, "DETECTORS", {"careless": entry})
    check = dict(detector_checks("careless"))[what]
    with pytest.raises(AssertionError):
        check()


def test_example_counts_hold_gaps_and_outages() -> None:
    y = example_counts()
    assert np.isnan(y).any(axis=1).all()
    assert (np.nanmax(y, axis=1) > 5 * np.nanmean(y, axis=1)).all()
