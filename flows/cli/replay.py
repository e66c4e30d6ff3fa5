"""``uproar replay``: find the incidents in a file of posts, or of counts."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from detectors.errors import InputError
from detectors.model import Severity
from flows.cli.output import DONE, LOOK, emit, note, progress_bar, remarks, say, skipped
from flows.settings import World, load_settings, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from detectors.incidents.lifecycle import History
    from flows.replay import Replay
    from flows.store import Store

Flag = Annotated[bool, Parameter(negative="")]


def replay(  # noqa: PLR0913 - one parameter an option
    file: Path,
    /,
    *,
    counts: Flag = False,
    service: str | None = None,
    severity: Severity = "page",
    detector: str = "uproar",
    store: str | None = None,
    speed: str = "max",
    bin_width_s: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=3600))] = 60,
    assume_utc: Flag = False,
    html: Path | None = None,
    json: Flag = False,
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
    pace = _pace(speed)
    _check(file, detector, service)
    with _opened(store) as kept:
        with progress_bar(f"Reading {file.name}") as advance:
            if counts:
                done = _counts(kept, file, service, detector, assume_utc=assume_utc)
            else:
                done = _posts(kept, file, service, detector, (bin_width_s, advance))
        chosen = done.at_least(severity)
        if pace:
            perform(chosen, pace, sleep=time.sleep)  # noqa: TID251 - somebody watches
        show(kept, chosen, as_json=json)
        if html:
            _write_page(kept, chosen, html)
    if not json:
        say(summary(done, chosen, "bins" if counts else "posts"))
    skipped(done.came.skipped, done.came.n_skipped)
    remarks(done.notes, len(done.notes))
    remarks(done.came.repeated, len(done.came.repeated))
    if done.came.duplicates:
        note(f"{done.came.duplicates:,} reports had come before; they were counted once")
    return LOOK if done.needs_a_look else DONE


def _check(file: Path, detector: str, service: str | None) -> None:
    """Refuse what cannot be used, before a store is made."""
    from detectors.reference import catalogue
    from detectors.spikes import DETECTORS

    if not file.is_file():
        raise InputError("there is no such file" if not file.exists() else "this is not a file", place=str(file))
    file.open("rb").close()
    if detector not in DETECTORS:
        raise InputError(f"no detector {detector!r}; there are {', '.join(sorted(DETECTORS))}")
    if service is not None:
        catalogue().get_or_suggest(service)


@contextmanager
def _opened(url: str | None) -> Iterator[Store]:
    """Open the store that was named, or one that is thrown away."""
    from flows.store import open_store

    if url:
        named = load_settings(None, environ=os.environ).store.secret
        with open_store(url, secret=World().secret("store.secret", named) or None) as store:
            yield store
        return
    with tempfile.TemporaryDirectory(prefix="uproar-") as folder, open_store(Path(folder) / "replay.db") as store:
        yield store


def _posts(
    store: Store, file: Path, service: str | None, detector: str, reading: tuple[int, Callable[[int, int], object]]
) -> Replay:
    from detectors.reference import catalogue
    from flows.replay import replay_posts
    from flows.sources.archive import Archive
    from flows.steps import Watched

    bin_width_s, advance = reading
    services = None if service is None else {catalogue().get_or_suggest(service).id}
    source = Archive(file, now=utc_now(), progress=advance)
    return replay_posts(store, source, Watched(services, bin_width_s), detector=detector)


def _counts(store: Store, file: Path, service: str | None, detector: str, *, assume_utc: bool) -> Replay:
    from flows.replay import replay_counts

    return replay_counts(store, file, service=service, now=utc_now(), assume_utc=assume_utc, detector=detector)


def show(store: Store, histories: Sequence[History], *, as_json: bool) -> None:
    """Print incidents, the earliest first."""
    from flows import steps
    from flows.report.record import incident_record
    from flows.report.sentences import lines

    for history in histories:
        incident = history.incident
        if as_json:
            emit(incident_record(incident))
            continue
        name, before = steps.service_name(incident.service), steps.earlier(store, incident)
        say("\n".join(lines(incident, service_name=name, earlier=before)) + "\n")


def _write_page(store: Store, chosen: Sequence[History], file: Path) -> None:
    from flows import steps

    if not chosen:
        note("there is no incident, and so no page was written")
        return
    largest = max(chosen, key=lambda history: history.incident.score)
    file.write_text(steps.page(store, largest.incident), encoding="utf-8")
    note(f"wrote {file}")


def summary(done: Replay, chosen: Sequence[History], what: str) -> str:
    """Say what was read and what was found, in one line."""
    found = f"{len(chosen)} incident{'' if len(chosen) == 1 else 's'}"
    came, n_series = done.came, len(done.keys)
    read = f"{came.posts:,} {what}" + (f", {came.reports:,} new reports" if what == "posts" else "")
    still = (
        f"; too little seen to judge {', '.join(sorted(done.learning))} (12 hours are needed)" if done.learning else ""
    )
    return f"{read}, {n_series} series: {found}{still}"


def _pace(speed: str) -> float | None:
    """Return how many seconds pass in one second, None for as fast as possible."""
    if speed == "max":
        return None
    try:
        factor = float(speed.removesuffix("x"))
    except ValueError:
        factor = 0
    if not 0 < factor < float("inf"):
        raise InputError(f"--speed is max or a number of times like 1x or 60x, not {speed!r}")
    return factor


def perform(histories: Sequence[History], pace: float, *, sleep: Callable[[float], None]) -> None:
    """Tell what happened in the order and at the pace in which it could have been known."""
    steps = [(step, history.incident.service) for history in histories for step in history.transitions]
    steps.sort(key=lambda one: one[0].at)
    before: datetime | None = None
    for step, service in steps:
        if before:
            sleep((step.at - before).total_seconds() / pace)
        note(f"{step.at:%Y-%m-%d %H:%M} {service}: {step.new} ({step.reason})")
        before = step.at
