"""Opening: new, migrated, shared and broken stores, and what is said of them."""

from __future__ import annotations

import multiprocessing
import sqlite3
import traceback
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from detectors.errors import StoreError
from flows.store import Store, open_store
from flows.store.engine import display, parse
from flows.store.failures import explain, plain_errors
from flows.store.migrate import SCRIPTS, VERSION_TABLE, VERSIONS
from flows.store.schema import metadata
from tests.flows.store.conftest import PASSWORD
from tests.flows.store.helpers import KEY, commit, pair, span

if TYPE_CHECKING:
    from collections.abc import Callable


def said(url: str | Path, timeout_s: float = 5) -> str:
    """Return what opening a store complains of, having made sure that no traceback shows a password."""
    with pytest.raises(StoreError) as caught:
        open_store(url, timeout_s=timeout_s).close()
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


# --- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("a/b.db", "a/b.db"),
        (Path("a/b?c.db"), "a/b?c.db"),
        ("sqlite:///a/b.db", "a/b.db"),
        ("sqlite:////a/b.db", "/a/b.db"),
        ("sqlite://", ":memory:"),
        ("postgresql://u:p@host/db", "postgresql://host/db"),
        ("postgresql+pg8000://u:p@host:5433/db?password=p", "postgresql://host:5433/db"),
        ("postgresql:///db", "postgresql://localhost/db"),
    ],
)
def test_what_a_url_means_and_how_it_is_shown(url: str | Path, shown: str) -> None:
    assert display(parse(url)) == shown


@pytest.mark.parametrize("url", [f"mysql://u:{PASSWORD}@h/d", f"postgresql://u:{PASSWORD}@h:port/d", "://", "x://"])
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    assert "postgresql://user:password@host/database" in said(url)


def test_memory() -> None:
    with open_store(":memory:") as store:
        assert store.describe() == "SQLite :memory:"


def test_a_store_can_be_closed_opened_and_checked(url: str) -> None:
    with open_store(url) as store:
        commit(store, pair(1), observed=(span(0, 1),))
        store.integrity_check()
        assert PASSWORD not in store.describe()
    with open_store(url) as store:
        assert store.series(KEY).observed.tolist() == [1]


# --- migrations ----------------------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_of_the_schema(store: Store) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_the_program_knows_every_migration() -> None:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == VERSIONS


def test_opening_says_nothing(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    open_store(url).close()
    assert capfd.readouterr() == ("", "")


def test_a_newer_store_is_refused(url: str) -> None:
    with open_store(url) as store, store._engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))  # noqa: S608
    assert "written by a newer Uproar; install that one" in said(url)


def test_a_store_without_a_version_is_migrated_if_empty(url: str) -> None:
    with open_store(url) as store, store._engine.begin() as connection:
        for table in metadata.tables:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text(f"DELETE FROM {VERSION_TABLE}"))  # noqa: S608
    with open_store(url) as store:
        assert store.keys() == []


def test_another_programs_tables_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE reports (page INTEGER)")
    assert "already has a table named 'reports'" in said(path)


def _open_and_commit(url: str, number: int) -> None:
    with open_store(url) as store:
        commit(store, pair(number, number), observed=(span(0, 10),))


def test_many_may_open_a_new_store_at_once(url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.store.store", "alembic.command", "tests.flows.store.helpers"])
    workers = [context.Process(target=_open_and_commit, args=(url, number)) for number in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 5
    with open_store(url) as store:
        assert store.series(KEY).observed.sum() == 5


# --- failures ------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a store with a few pages in it."""
    found = tmp_path / "uproar.db"
    with open_store(found) as store:
        commit(store, *(pair(number, number, text="down " * 100) for number in range(200)), observed=(span(0, 200),))
    return found


def test_a_locked_store(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other, open_store(path, timeout_s=0.05) as store:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="held the store locked"):
            commit(store, pair(1))
        assert len(store.series(KEY)) == 200, "readers are not kept out"


def test_a_locked_new_file(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "held the store locked" in said(path, timeout_s=0.05)


@pytest.mark.parametrize(
    ("pragma", "what"), [("query_only = ON", "is read-only"), ("max_page_count = 1", "the disk is full")]
)
def test_a_store_that_takes_no_more(path: Path, pragma: str, what: str) -> None:
    with open_store(path) as store:
        with store._engine.connect() as connection:  # the pool keeps this one connection
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        with pytest.raises(StoreError, match=what):
            commit(store, *(pair(number, number, text="down " * 100) for number in range(1000, 1200)))
        assert len(store.reports()) == 200


def damage(path: Path, write: Callable[[bytes], bytes]) -> None:
    path.write_bytes(write(path.read_bytes()))


def test_a_damaged_file(path: Path) -> None:
    damage(path, lambda data: data[:-40_000] + b"\xff" * 40_000)
    with open_store(path) as store, pytest.raises(StoreError, match="the file is damaged; restore a copy"):
        store.integrity_check()


def test_a_file_that_is_no_database(path: Path) -> None:
    damage(path, lambda _: b"<!DOCTYPE html>" * 1000)
    assert "not a SQLite database" in said(path)


def test_a_cut_write_ahead_log_loses_no_more_than_its_end(path: Path) -> None:
    with open_store(path) as store:
        commit(store, pair(1000, 1), cursor="later")
        files = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    (path.parent / "copy").mkdir()
    for name, data in files.items():
        (path.parent / "copy" / name).write_bytes(data[:-100] if name.endswith("-wal") else data)
    (path.parent / "copy" / "uproar.db-shm").unlink(missing_ok=True)
    with open_store(path.parent / "copy" / "uproar.db") as store:
        store.integrity_check()
        assert (len(store.reports()), store.cursor("x", "everything")) in {(200, "c"), (201, "later")}


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    assert "cannot be opened or made" in said(tmp_path)


def test_a_file_in_the_place_of_the_folder(path: Path) -> None:
    assert "cannot be opened" in said(path / "uproar.db")


@pytest.mark.real
def test_a_wrong_password(postgres_url: str) -> None:
    assert "refuses the user or the password" in said(postgres_url.replace(PASSWORD, PASSWORD[::-1]))


@pytest.mark.real
def test_a_database_that_is_not_there(postgres_url: str) -> None:
    assert "no database of that name" in said(postgres_url + "_not")


@pytest.mark.real
def test_a_locked_postgresql(postgres_url: str) -> None:
    with open_store(postgres_url) as one, open_store(postgres_url, timeout_s=0.05) as two:
        with one._writing(), pytest.raises(StoreError, match="held the store locked"):
            commit(two, pair(1))
        assert commit(two, pair(1)).new_reports == 1


def test_no_server() -> None:
    assert "check that it runs" in said(f"postgresql://u:{PASSWORD}@127.0.0.1:1/d", timeout_s=1)


@pytest.mark.parametrize("code", ["53100", "25006", "40P01", "08006", "57P03", "42501", "XX000"])
def test_every_failure_of_a_server_is_put_in_words(code: str) -> None:
    error = explain(Exception({"C": code, "M": PASSWORD}))
    assert len(error) > 20
    assert PASSWORD not in error


def test_a_failure_of_another_kind_is_named_and_not_repeated() -> None:
    with pytest.raises(StoreError, match="here: the database failed") as caught, plain_errors("here"):
        raise_with_statement()
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def raise_with_statement() -> None:
    from sqlalchemy.exc import InvalidRequestError

    raise InvalidRequestError(PASSWORD)


def test_a_server_that_does_not_answer() -> None:
    assert "did not answer in time" in explain(TimeoutError())


def test_an_unnamed_failure_of_sqlite() -> None:
    assert explain(sqlite3.OperationalError(PASSWORD)) == "SQLite failed (OperationalError)"


# --- stores that are to be there already ---------------------------------------------------------------------


@pytest.mark.parametrize("url", ["{}/none.db", "sqlite:///{}/none.db", "{}/no/such/folder/none.db", ":memory:"])
def test_a_store_that_is_not_there_is_not_made_where_it_is_only_read(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store here yet; uproar watch") as caught:
        open_store(url.format(tmp_path), create=False)
    assert url == ":memory:" or f"{tmp_path}" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_our_tables_is_not_a_store_yet(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="there is no store here yet"):
        open_store(tmp_path / "empty.db", create=False)
    with closing(sqlite3.connect(tmp_path / "empty.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_postgresql_database_without_our_tables_is_not_a_store_yet(postgres_url: str) -> None:
    with pytest.raises(StoreError, match="there is no store here yet"):
        open_store(postgres_url, create=False)
    open_store(postgres_url).close()
    open_store(postgres_url, create=False).close()


def test_a_store_that_is_there_is_opened_to_be_read(tmp_path: Path) -> None:
    open_store(tmp_path / "a.db").close()
    with open_store(tmp_path / "a.db", create=False) as store:
        assert store.keys() == []
