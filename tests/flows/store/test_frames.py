"""What analysts get: tidy frames, UTC, of the same shape even when empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from detectors.model import Estimate, Geo
from flows.store import frames
from tests.flows.store.helpers import KEY, at, commit, incident, pair, span, step

if TYPE_CHECKING:
    from flows.store import Store

ASKED = {
    "counts": (frames.COUNTS, "bin_at"),
    "reports": (frames.REPORTS, "created_at"),
    "incidents": (frames.INCIDENTS, "onset_at"),
    "transitions": (frames.TRANSITIONS, "at"),
}


@pytest.fixture
def full(store: Store) -> Store:
    """Give a store with something of everything."""
    commit(
        store,
        pair(1, 0.5, symptoms=("messages",), geo=Geo(country="US", lat=40.5), lang="en", user_location="Ohio"),
        pair(2, 2.5, author_id=None, weight=0.5),
        pair(3, 2.75, "outlook"),
        observed=(span(0, 2), span(2, 3), span(4, 5)),
    )
    store.save_detection(
        KEY,
        at=at(5),
        state={},
        incidents=[
            incident(1, 1, ended=Estimate(at(2), at(1.5), at(3)), state="resolved", resolved_at=at(4)),
            incident(2, 3),
        ],
        transitions=[step(1, 1, 2), step(2, 1, 4), step(1, 2, 4, old="suspected", new="resolved")],
    )
    return store


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("service", [None, "no such service"])
def test_columns_and_types_do_not_depend_on_the_rows(full: Store, name: str, service: str | None) -> None:
    columns, index = ASKED[name]
    frame = getattr(full, name)(service)
    assert (len(frame) == 0) == (service is not None)
    assert {column: str(kind) for column, kind in frame.dtypes.items()} == columns
    assert frame.index.name == index
    assert str(frame.index.dtype) == "datetime64[us, UTC]"


def test_counts(full: Store) -> None:
    frame = full.counts("imessage")
    np.testing.assert_array_equal(frame["observed"], [1, 0, 0.5, np.nan, 0])
    np.testing.assert_array_equal(frame["raw"], [1, 0, 1, np.nan, 0])
    np.testing.assert_array_equal(frame["authors"], [1, 0, 1, np.nan, 0])
    assert frame["coverage"].tolist() == [1, 1, 1, 0, 1]
    assert frame.index[0] == at(0)
    assert full.counts()["service"].tolist() == ["imessage"] * 5 + ["outlook"] * 5
    assert full.counts(source="elsewhere").empty
    assert full.counts("imessage", start=at(1), end=at(3)).index.tolist() == [at(1), at(2)]


def test_counts_made_of_counts_say_nothing_of_authors(full: Store) -> None:
    given = full.series(KEY)
    full.commit_counts(type(given)("skype", "file", at(0), 60, given.observed, given.raw, given.coverage))
    frame = full.counts("skype")
    np.testing.assert_array_equal(frame["authors"], [np.nan, 0, np.nan, np.nan, 0])


def test_reports(full: Store) -> None:
    frame = full.reports("imessage")
    first, second = frame.iloc[0], frame.iloc[1]
    assert frame.index.tolist() == [at(0.5), at(2.5)]
    assert (first["post_id"], first["country"], first["lat"], first["lang"]) == ("post-1", "US", 40.5, "en")
    assert first["symptoms"] == ("messages",)
    assert pd.isna(second["author"])
    assert pd.isna(second["country"])
    assert full.reports(start=at(0.5), end=at(2.5))["post_id"].tolist() == ["post-1"]
    assert len(full.reports(source="x")) == 3


def test_incidents(full: Store) -> None:
    frame = full.incidents()
    assert frame["id"].tolist() == ["incident-1", "incident-2"]
    over, going_on = frame.iloc[0], frame.iloc[1]
    assert (over["ended_low_at"], over["ended_at"], over["ended_high_at"]) == (at(1.5), at(2), at(3))
    assert going_on["ended_at"] is pd.NaT
    assert going_on["confirmed_at"] is pd.NaT
    assert (going_on.name, going_on["onset_low_at"], going_on["onset_high_at"]) == (at(3), at(2), at(4))
    assert going_on["symptoms"] == (("messages", 0.75), ("login", 0.25))
    assert full.incidents(start=at(2))["id"].tolist() == ["incident-2"]
    assert full.incidents(end=at(3))["id"].tolist() == ["incident-1"]


def test_transitions(full: Store) -> None:
    frame = full.transitions()
    assert list(zip(frame["incident_id"], frame["revision"], strict=True)) == [
        ("incident-1", 1),
        ("incident-1", 2),
        ("incident-2", 1),
    ]
    assert pd.isna(frame["old"].iloc[0])
    assert frame["service"].unique().tolist() == ["imessage"]
    assert len(full.transitions(start=at(4))) == 2
