"""``uproar replay``: find the incidents in a file of posts, or of counts."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from detectors.errors import InputError
from flows.cli.output import DONE, emit, note, progress_bar, say, skipped
from flows.settings import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from detectors.incidents.lifecycle import History
    from detectors.model import SeriesKey, Severity
    from flows.steps import Ingested
    from flows.store import Store


def replay(  # noqa: PLR0913 - one parameter an option
    file: Path,
    /,
    *,
    counts: Annotated[bool, Parameter(negative="")] = False,
    service: str | None = None,
    severity: Severity = "page",
    detector: str = "uproar",
    store: str | None = None,
    speed: str = "max",
    bin_width_s: int = 60,
    assume_utc: Annotated[bool, Parameter(negative="")] = False,
    html: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Find the incidents in a file of posts, or of counts.

    A file of posts has one JSON object a line with at least id, platform, created_at and text (.jsonl, .jsonl.gz,
    .jsonl.zst). A file of counts has the columns timestamp and value; an empty value is a missing bin, never 0.

    Parameters
    ----------
    file
        The file.
    counts
        It is a file of counts.
    service
        Only this service (posts); the service that is counted (counts; default: the name of the file).
    severity
        page: incidents of several times usual. watch: these, and any other credible rise.
    detector
        Name of the detector.
    store
        Keep reports, counts and incidents there (a SQLite file or postgresql://...); without it nothing is kept.
    speed
        max, or how many times faster than it happened: 1x, 60x.
    bin_width_s
        Width of a bin in seconds, for posts.
    assume_utc
        Read times without a zone as UTC, for counts.
    html
        Write the page of the largest incident there.
    json
        Print one JSON object an incident.
    """
    from flows import steps

    pace = _pace(speed)
    with _opened(store) as kept:
        if counts:
            came, keys = _load_counts(kept, file, service, assume_utc=assume_utc)
        else:
            came, keys = _load_posts(kept, file, service, bin_width_s)
        histories = steps.detect(kept, keys, detector=detector)
        known = steps.histories(kept, keys)
        chosen = [h for h in known if severity == "watch" or h.incident.severity == "page"]
        _perform(histories if pace else [], pace)
        show(kept, chosen, as_json=json)
        if not json:
            say(summary(kept, keys, chosen, came))
        if html and chosen:
            largest = max(chosen, key=lambda history: history.incident.score)
            html.write_text(steps.page(kept, largest.incident), encoding="utf-8")
            note(f"wrote {html}")
    return skipped(came.skipped, came.n_skipped)


@contextmanager
def _opened(url: str | None) -> Iterator[Store]:
    """Open the store that was named, or one that is thrown away."""
    from flows.store import open_store

    if url:
        with open_store(url) as store:
            yield store
        return
    with tempfile.TemporaryDirectory(prefix="uproar-") as folder, open_store(Path(folder) / "replay.db") as store:
        yield store


def _load_posts(store: Store, file: Path, service: str | None, bin_width_s: int) -> tuple[Ingested, list[SeriesKey]]:
    from detectors.matching import Reader
    from detectors.reference import catalogue
    from flows import steps
    from flows.sources.archive import Archive

    services = None if service is None else {catalogue().get_or_suggest(service).id}
    watched = steps.Watched(services, bin_width_s)
    with progress_bar(f"Reading {file.name}") as advance:
        source = Archive(file, now=utc_now(), progress=advance)
        came = steps.ingest(store, source, Reader(), watched)
    keys = [key for key in store.keys() if key.source == source.name and key.bin_width_s == bin_width_s]
    return came, [key for key in keys if services is None or key.service in services]


def _load_counts(
    store: Store, file: Path, service: str | None, *, assume_utc: bool
) -> tuple[Ingested, list[SeriesKey]]:
    from detectors.reference import catalogue
    from flows import steps
    from flows.sources.archive import read_counts

    name = catalogue().get_or_suggest(service).id if service else file.name.split(".")[0]
    found = read_counts(file, service=name, assume_utc=assume_utc)
    key = store.commit_counts(found.series)
    came = steps.Ingested(posts=len(found.series), n_skipped=found.n_skipped, skipped=list(found.skipped))
    return came, [key]


def show(store: Store, histories: list[History], *, as_json: bool) -> None:
    """Print incidents, the earliest first."""
    from flows import steps
    from flows.report.record import incident_record
    from flows.report.sentences import lines

    for history in histories:
        if as_json:
            emit(incident_record(history.incident))
        else:
            view = steps.view(store, history.incident)
            say("\n".join(lines(history.incident, service_name=view.service_name, earlier=view.earlier)))
            say()


def summary(store: Store, keys: list[SeriesKey], chosen: list[History], came: Ingested) -> str:
    """Say what was read and what was found, in one line."""
    found = f"{len(chosen)} incident{'' if len(chosen) == 1 else 's'}"
    read = f"{came.posts:,} posts, {came.reports:,} reports" if came.reports else f"{came.posts:,} records"
    learning = [key.service for key in keys if store.learning_until(key)]
    still = f"; still learning: {', '.join(learning)}" if learning else ""
    return f"{read}, {len(keys)} series: {found}{still}"


def _pace(speed: str) -> float | None:
    """Return how many seconds pass in one second, None for as fast as possible."""
    if speed == "max":
        return None
    try:
        factor = float(speed.removesuffix("x"))
    except ValueError:
        factor = 0
    if factor <= 0:
        raise InputError(f"--speed is max or a number of times like 1x or 60x, not {speed!r}")
    return factor


def _perform(histories: list[History], pace: float | None, sleep: Callable[[float], None] = time.sleep) -> None:
    """Tell what happened in the order and at the pace in which it could have been known."""
    steps = sorted((step.at, history.incident.service, step) for history in histories for step in history.transitions)
    before: datetime | None = None
    for at, service, step in steps:
        if before and pace:
            sleep((at - before).total_seconds() / pace)
        note(f"{at:%Y-%m-%d %H:%M} {service}: {step.new} ({step.reason})")
        before = at


__all__ = ["DONE", "replay", "show", "summary"]
