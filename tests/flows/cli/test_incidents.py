"""``uproar incidents``, ``show`` and ``counts``: what is in a store."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.model import CountSeries
from detectors.spikes import COMBINED
from flows import steps
from flows.store import open_store
from tests.builders import START

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.cli.conftest import Said


@pytest.fixture
def ids(filled: Path) -> list[str]:
    with open_store(filled) as store:
        return [one.id for one in store.find_incidents()]


def test_incidents_are_listed_by_their_onset(uproar: Callable[..., Said], filled: Path, ids: list[str]) -> None:
    said = uproar("incidents", "--store", filled)
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == [identity[:8] for identity in ids]
    assert "iMessage: trouble from" in said.out
    records = uproar("incidents", "--store", filled, "--json").records
    assert [record["id"] for record in records] == ids


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--service", "imessage"], 2),
        (["--service", "iMessage"], 2),
        (["--service", "outlook"], 0),
        (["--since", "2026-03-02T17:00"], 1),
        (["--until", "2026-03-02T17:00:00+00:00"], 1),
        (["--since", "2026-03-03"], 0),
    ],
)
def test_incidents_can_be_chosen(uproar: Callable[..., Said], filled: Path, options: list[str], expected: int) -> None:
    assert len(uproar("incidents", "--store", filled, "--json", *options).records) == expected


def test_no_incidents_is_said(uproar: Callable[..., Said], filled: Path) -> None:
    said = uproar("incidents", "--store", filled, "--service", "outlook")
    assert (said.code, said.out) == (0, "No incidents.\n")


def test_an_incident_is_shown_by_the_beginning_of_its_id(
    uproar: Callable[..., Said], filled: Path, ids: list[str]
) -> None:
    said = uproar("show", ids[0][:6], "--store", filled)
    assert said.code == 0
    assert said.out.startswith("iMessage: trouble from")
    assert [line.split()[3] for line in said.out.splitlines()[-3:]] == ["suspected", "confirmed", "resolved"]
    record = uproar("show", ids[0][:6], "--store", filled, "--json").record
    assert record["id"] == ids[0]
    assert [step["new"] for step in record["transitions"]] == ["suspected", "confirmed", "resolved"]
    assert record["transitions"][0]["reason"]


def test_the_page_of_an_incident(uproar: Callable[..., Said], filled: Path, ids: list[str]) -> None:
    said = uproar("show", ids[1], "--store", filled, "--html", "page.html", "--json")
    assert said.err == "wrote page.html\n"
    assert said.record["id"] == ids[1]
    assert Path("page.html").read_text().startswith("<!doctype html>")


def test_why_it_alarmed(uproar: Callable[..., Said], filled: Path, ids: list[str]) -> None:
    said = uproar("show", ids[0], "--store", filled, "--explain")
    assert said.code == 0
    (why,) = (line for line in said.out.splitlines() if line.startswith("  why       "))
    record = uproar("show", ids[0], "--store", filled, "--explain", "--json").record
    told = record["explanation"]
    assert why == f"  why       {told['sentence']}"
    assert told["at"] == record["alarmed_at"]
    assert told["severity"] == record["severity"] == "page"
    assert told["is_alarm"]
    assert told["score"] <= record["score"]
    assert told["enough"] <= told["reports"]
    rows = csv.DictReader(io.StringIO(uproar("counts", "--store", filled, "--service", "imessage").out))
    inside = [float(row["observed"]) for row in rows if told["window_start_at"] <= row["bin_at"] < told["at"]]
    assert sum(inside) == told["reports"]
    assert "explanation" not in uproar("show", ids[0], "--store", filled, "--json").record


def test_an_incident_that_several_sources_saw_is_explained_from_their_counts(uproar: Callable[..., Said]) -> None:
    random = np.random.default_rng(4)
    with open_store("both.db") as store:
        for source, rate in (("mastodon", 2), ("x", 5)):
            y = random.poisson(rate, 360).astype(float)
            y[300:306] += 8 * rate
            y = y[: 360 if source == "x" else 359]  # one is a bin ahead of the other
            store.commit_counts(CountSeries("imessage", source, START, 300, y, y, np.ones(len(y))))
        steps.detect(store, steps.chosen_keys(store, None))
    (record,) = (
        one for one in uproar("incidents", "--store", "both.db", "--json").records if one["severity"] == "page"
    )
    assert record["source"] == COMBINED
    told = uproar("show", record["id"], "--store", "both.db", "--explain", "--json").record["explanation"]
    assert (told["at"], told["is_alarm"]) == (record["alarmed_at"], True)
    assert told["reports"] > 8 * told["expected"]
    assert 0.7 < told["expected"] / told["window_min"] < 2.2


def test_what_another_detector_found_cannot_be_explained(uproar: Callable[..., Said], tmp_path: Path) -> None:
    counts = [3] * 288 + [90] * 6 + [3] * 60
    rows = "\n".join(
        f"2026-03-{2 + n // 288:02}T{n % 288 // 12:02}:{n % 12 * 5:02}:00Z,{count}" for n, count in enumerate(counts)
    )
    (tmp_path / "mine.csv").write_text(f"timestamp,value\n{rows}\n")
    uproar("replay", "--counts", tmp_path / "mine.csv", "--detector", "plain-count", "--store", "mine.db")
    (record,) = uproar("incidents", "--store", "mine.db", "--json").records
    said = uproar("show", record["id"], "--store", "mine.db", "--explain")
    assert said.code == 2
    assert "only alarms of the detector 'uproar' can be explained; 'plain-count' found this one" in said.err


@pytest.mark.parametrize(
    ("prefix", "message"),
    [("", "there is no incident ''; uproar incidents"), ("zz", "there is no incident 'zz'; uproar incidents")],
)
def test_an_id_that_is_not_one_incidents_is_refused(
    uproar: Callable[..., Said], filled: Path, prefix: str, message: str
) -> None:
    said = uproar("show", prefix, "--store", filled)
    assert said.code == 2
    assert message in said.err


def test_counts_are_printed_as_csv(uproar: Callable[..., Said], filled: Path) -> None:
    said = uproar("counts", "--store", filled, "--service", "imessage", "--since", "2026-03-02T16:00")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert said.code == 0
    assert rows[0]["bin_at"] == "2026-03-02T16:00:00Z"
    assert len(rows) == 5 * 60
    assert {row["service"] for row in rows} == {"imessage"}


def test_counts_are_printed_as_json(uproar: Callable[..., Said], filled: Path) -> None:
    records = uproar("counts", "--store", filled, "--until", "2026-03-02T00:10", "--json").records
    assert len(records) == 20
    assert records[0].keys() >= {"bin_at", "service", "source", "observed", "raw", "coverage"}


def test_a_bin_that_was_not_observed_has_no_value(uproar: Callable[..., Said], tmp_path: Path) -> None:
    rows = "\n".join(f"2026-03-02T00:{minute:02}:00Z,{'' if minute == 3 else minute}" for minute in range(10))
    (tmp_path / "mine.csv").write_text(f"timestamp,value\n{rows}\n")
    uproar("replay", "--counts", tmp_path / "mine.csv", "--store", "mine.db")
    listed = list(csv.DictReader(io.StringIO(uproar("counts", "--store", "mine.db").out)))
    assert [row["observed"] for row in listed][2:5] == ["2.0", "", "4.0"]
    records = uproar("counts", "--store", "mine.db", "--json").records
    assert [record["observed"] for record in records][2:5] == [2.0, None, 4.0]
    assert len(uproar("counts", "--store", "mine.db", "--service", "mine", "--json").records) == 10


@pytest.mark.parametrize("command", ["incidents", "counts"])
def test_a_store_without_anything_in_it(uproar: Callable[..., Said], command: str) -> None:
    open_store("empty.db").close()
    assert uproar(command, "--store", "empty.db").code == 0
    said = uproar(command, "--store", "empty.db", "--json")
    assert (said.code, said.out) == (0, "")


@pytest.mark.parametrize("command", [["incidents"], ["counts"], ["show", "abc"]])
def test_a_store_that_is_not_there_is_named_and_not_made(uproar: Callable[..., Said], command: list[str]) -> None:
    said = uproar(*command)
    assert said.code == 2
    assert said.err.startswith("uproar: uproar.db: there is no store here yet; uproar watch --once")
    said = uproar(*command, "--store", "sqlite:///elsewhere.db")
    assert said.err.startswith("uproar: elsewhere.db: there is no store here yet")
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("command", ["incidents", "counts"])
def test_a_mistyped_service_is_suggested(uproar: Callable[..., Said], filled: Path, command: str) -> None:
    said = uproar(command, "--store", filled, "--service", "imessagge")
    assert said.code == 2
    assert "imessage" in said.err


def test_the_store_of_the_configuration_is_asked(
    uproar: Callable[..., Said], filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("uproar.toml").write_text(f'[store]\nurl = "{filled}"\n')
    assert len(uproar("incidents", "--json").records) == 2
    Path("uproar.toml").rename("other.toml")
    assert len(uproar("incidents", "--json", "--config", "other.toml").records) == 2
    monkeypatch.setenv("UPROAR_STORE_URL", str(filled))
    assert len(uproar("incidents", "--json").records) == 2
