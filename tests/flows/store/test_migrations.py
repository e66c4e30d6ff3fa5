"""A store that an older Uproar made opens, is brought up to date, and keeps what is in it."""

from __future__ import annotations

from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import column, create_engine, insert, inspect, table, text

from flows.store import Store, open_store
from flows.store.engine import connect, parse
from flows.store.migrate import SCRIPTS, VERSION_TABLE, VERSIONS
from flows.store.privacy import Pseudonyms
from tests.flows.store.helpers import KEY, at, commit, dump, pair, span

OLD: dict[str, list[dict[str, Any]]] = {
    "reports": [
        {
            "created_at": 1_772_409_600_000_000 + 60_000_000 * number,
            "platform": "test",
            "post_id": f"post-{number}",
            "service": "imessage",
            "source": "x",
            "author": f"{number:032x}",
            "weight": 1.0,
            "label": "report",
            "is_repost": False,
            "symptoms": '["login"]',
            "text": "imessage down?",
        }
        for number in range(3)
    ],
    "counts": [
        {
            "service": "imessage",
            "source": "x",
            "bin_width_s": 60,
            "bin_at": 1_772_409_600_000_000 + 60_000_000 * number,
            "raw": 1.0,
            "authors": 1,
            "observed": 1.0,
        }
        for number in range(3)
    ],
    "spans": [
        {
            "source": "x",
            "scope": "*",
            "start_at": 1_772_409_600_000_000,
            "end_at": 1_772_409_600_000_000 + 180_000_000,
            "coverage": 1.0,
        }
    ],
    "series": [{"service": "imessage", "source": "x", "bin_width_s": 60, "origin": "posts", "phase_us": 0}],
    "cursors": [{"source": "x", "query": "everything", "cursor": "there"}],
    "tombstones": [{"post": Pseudonyms(None).post("test", "post-9")}],
    "meta": [{"name": "secret_check", "value": Pseudonyms(None).check}],
}


def make_old(url: str, version: str) -> None:
    """Make a store of an older version, and put something into it."""
    connect(parse(url), timeout_s=5).dispose()  # makes the folder
    engine = create_engine(parse(url))
    with engine.begin() as connection:
        for name in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {name}"))
        config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
        config.set_main_option("script_location", SCRIPTS)
        config.set_main_option("path_separator", "os")
        command.upgrade(config, version)
        for name, rows in OLD.items():
            connection.execute(insert(table(name, *map(column, rows[0]))), rows)
    engine.dispose()


@pytest.mark.parametrize("version", VERSIONS[:3])
def test_an_old_store_keeps_its_data(url: str, version: str) -> None:
    make_old(url, version)
    with open_store(url) as store:
        assert {name: len(rows) for name, rows in dump(store).items() if rows} == {
            name: len(rows) for name, rows in OLD.items()
        }
        assert store.cursor("x", "everything") == "there"
        assert store.series(KEY).observed.tolist() == [1, 1, 1]
        assert store.facts(KEY, start_at=at(0)).symptoms == (("login", 3),)
        goes_on(store)


def goes_on(store: Store) -> None:
    """Use what is new on what is old."""
    again = commit(store, *(pair(number, number) for number in range(3)), observed=(span(0, 4),))
    assert again.duplicates == 3
    commit(store, pair(9, 3))
    assert store.reports()["text"].tolist().count("") == 1, "the tombstone holds"
    store.note_feed("x", "everything", label="X", at=at(4))
    assert store.feeds()[0].newest_at == at(4)
    assert store.retain(at(4), keep_h=0) == 4
    assert store.series(KEY).observed.tolist() == [1, 1, 1, 1]
