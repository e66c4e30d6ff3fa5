"""Replaying: files of posts or counts through the whole pipeline, from the first record to the last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import as_file
from typing import TYPE_CHECKING

import msgspec

from detectors.errors import InputError, SourceError
from detectors.matching import Reader
from detectors.model import Instant  # noqa: TC001 - msgspec reads it
from detectors.reference import catalogue, resource
from flows import steps
from flows.sources.archive import Archive, names_of, read_counts
from flows.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from detectors.incidents.lifecycle import History
    from detectors.model import SeriesKey, Severity
    from flows.engines import LocalEngine
    from flows.settings import Settings, World
    from flows.store import Store

SAMPLE = "imessage_simulated"

MOST_LATE = 0.1
"""Posts come a little out of order; a file of which more than this share does is in no order, which needs a look."""


@dataclass(frozen=True)
class Replay:
    """What a replay did.

    Attributes
    ----------
    came
        What was read.
    keys
        The series that were looked at.
    histories
        Every incident of them with its transitions, by onset.
    learning
        Services of which too little was seen to judge, with the instant (UTC) until which more would be needed.
    notes
        What is odd about the file, though all of it was used: ``file:line: what``.
    needs_a_look
        Whether records could not be used, came twice, or are in no order at all.
    """

    came: steps.Ingested
    keys: list[SeriesKey]
    histories: list[History]
    learning: dict[str, datetime]
    notes: tuple[str, ...] = ()
    needs_a_look: bool = False

    def at_least(self, severity: Severity) -> list[History]:
        """Return the incidents of a severity: ``page`` only those, ``watch`` every one."""
        return [h for h in self.histories if severity == "watch" or h.incident.severity == "page"]


class SimulatedTruth(msgspec.Struct):
    """The outage of the bundled sample, as it was simulated."""

    service: str
    onset_at: Instant
    end_at: Instant
    factor: float


def replay_posts(store: Store, source: Archive, watched: steps.Watched, *, detector: str = "uproar") -> Replay:
    """Replay a file of posts: all of it is ingested, then every series is judged.

    The outcome does not depend on the order of the lines, nor on how often a replay was killed and begun again.
    """
    _check_width(store, source, watched)
    came = steps.ingest(store, source, Reader(), watched)
    keys = [key for key in steps.chosen_keys(store, watched.services) if key.source == source.name]
    tally = source.tally
    notes: tuple[str, ...] = ()
    if came.posts and tally.out_of_order:
        what = "a post older than one before it"
        if tally.out_of_order > 1:
            what += f", the first of {tally.out_of_order:,} such posts"
        notes = (f"{tally.first_out_of_order}: {what}; used all the same",)
    is_unsorted = came.posts > 0 and tally.out_of_order > MOST_LATE * tally.n_posts
    return _judge(store, keys, came, detector, (notes, is_unsorted or came.duplicates > 0))


def _check_width(store: Store, source: Archive, watched: steps.Watched) -> None:
    """Refuse another width of bins than the one that the store has counted this source in."""
    every = store.keys()
    widths = {key.bin_width_s for key in every if key.source == source.name} - {watched.bin_width_s}
    if widths:
        other, wanted = min(widths), watched.bin_width_s
        what = f"the posts of {source.name} are stored in bins of {other} s, not {wanted} s"
        raise InputError(f"{what}; name another store")


def replay_counts(  # noqa: PLR0913 - what a file of counts needs to be told
    store: Store, file: Path, *, service: str | None, now: datetime, assume_utc: bool = False, detector: str = "uproar"
) -> Replay:
    """Replay a file of counts; ``service`` None names the series after the file."""
    name = catalogue().get_or_suggest(service).id if service else file.name.split(".", maxsplit=1)[0]
    found = read_counts(file, service=name, now=now, assume_utc=assume_utc)
    key = store.commit_counts(found.series)
    came = steps.Ingested(posts=len(found.series), n_skipped=found.n_skipped, skipped=list(found.skipped))
    return _judge(store, [key], came, detector, (found.notes, bool(found.notes)))


def replay_sample(store: Store, *, progress: Callable[[int, int], object] | None = None) -> Replay:
    """Replay the bundled posts, which are simulated."""
    now = sample_truth().end_at + timedelta(days=7)
    with as_file(resource("samples", f"{SAMPLE}.jsonl.gz")) as path:
        return replay_posts(store, Archive(path, now=now, progress=progress), steps.Watched())


def sample_truth() -> SimulatedTruth:
    """Return what there is to find in the bundled posts."""
    text = resource("samples", f"{SAMPLE}.truth.json").read_bytes()
    outages = msgspec.json.decode(text, type=dict[str, msgspec.Raw])["outages"]
    return msgspec.json.decode(outages, type=list[SimulatedTruth])[0]


def _judge(
    store: Store, keys: list[SeriesKey], came: steps.Ingested, detector: str, odd: tuple[tuple[str, ...], bool]
) -> Replay:
    done = steps.detect(store, keys, detector=detector)
    notes, is_odd = odd
    histories = steps.histories(store, keys)
    return Replay(came, keys, histories, done.learning, notes, is_odd or came.n_skipped > 0)


@dataclass(frozen=True)
class Part:
    """One file of a backfill, and where it goes; plain data, because it may travel to another process.

    ``name`` tells it from the others.
    """

    path: str
    name: str
    url: str
    secret: str | None
    watched: steps.Watched
    now: datetime


@dataclass(frozen=True)
class Filled:
    """What became of one file: what came, or why nothing did."""

    path: str
    came: steps.Ingested
    error: str | None = None


def parts_of(files: Sequence[str], settings: Settings, world: World) -> list[Part]:
    """Return what :func:`backfill` has to do for these files, with the configured store and services."""
    if not files:
        raise InputError("name at least one file of posts")
    if settings.store.url == ":memory:":
        raise InputError("a backfill needs a store that lasts, not :memory:")
    secret = world.secret("store.secret", settings.store.secret) or None
    watched = steps.Watched.configured(settings)
    url, now = settings.store.url, world.clock.now()
    return [Part(str(path.resolve()), name, url, secret, watched, now) for path, name in names_of(files).items()]


def fill(part: Part) -> Filled:
    """Ingest one file from where it was left; a second time it finds nothing to do."""
    source = Archive(part.path, now=part.now).known_as(part.name)
    try:
        with open_store(part.url, secret=part.secret) as store:
            return Filled(part.path, steps.ingest(store, source, Reader(), part.watched))
    except (InputError, SourceError) as error:
        return Filled(part.path, steps.Ingested(), str(error))


def backfill(
    parts: Sequence[Part], engine: LocalEngine, *, progress: Callable[[int], object] | None = None
) -> tuple[list[Filled], Replay]:
    """Ingest many files, several at a time, then judge every series once.

    The outcome depends neither on the order of the files nor on how many were read at a time.

    Parameters
    ----------
    parts
        The files, at least one, all for the same store.
    engine
        Where the reading runs.
    progress
        Called with 1 for each file that is through.

    Returns
    -------
    list of Filled, Replay
        What became of each file, in the order given; what was found in all of them.
    """
    filled: dict[int, Filled] = {}
    for place, done in engine.map(fill, parts):
        filled[place] = done
        if progress:
            progress(1)
    every = [filled[place] for place in range(len(parts))]
    first = parts[0]
    came = steps.Ingested()
    for one in every:
        came.add(one.came)
    with open_store(first.url, secret=first.secret) as store:
        keys = [key for key in steps.chosen_keys(store, first.watched.services) if key.source == Archive.name]
        failed = any(one.error for one in every)
        return every, _judge(store, keys, came, "uproar", ((), failed or came.duplicates > 0))
