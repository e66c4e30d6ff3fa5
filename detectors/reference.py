"""The packaged reference data, read once and lazily: above all the services catalogue.

The only module of ``detectors`` that reads files, and it does so through ``importlib.resources``: the installed
package carries the data as ``detectors/_data``, a checkout as ``data/``.

A services file is TOML with one ``[[service]]`` table a service, fields as in :class:`detectors.model.Service`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.errors import CatalogueError, InputError
from detectors.model import Service
from detectors.text import normalise, printable

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TABLE = "service"

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_SUBREDDIT = re.compile(r"[A-Za-z0-9_]{2,21}")
_HEADER = re.compile(r"\s*\[{1,2}\s*([A-Za-z0-9_.\-\s]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*(?:\.\s*[A-Za-z0-9_-]+\s*)*=")
_NOT_ISO = {"UK": "GB", "EN": "GB"}


# --- the catalogue -------------------------------------------------------------------------------------------


class Catalogue(Mapping[str, Service]):
    """The services that are known, by id; immutable.

    Parameters
    ----------
    entries
        The services with the places where they are defined.

    Raises
    ------
    CatalogueError
        A name stands for two services, an id is used twice or a needed service does not exist.
    """

    __slots__ = ("_by_id", "_by_name", "_entries")

    def __init__(self, entries: tuple[Entry, ...] = ()) -> None:
        self._entries = entries
        self._by_id: dict[str, Service] = {}
        for entry in entries:
            if entry.service.id in self._by_id:
                raise CatalogueError(f"id {entry.service.id!r} is used twice", place=entry.place("id"))
            self._by_id[entry.service.id] = entry.service
        self._by_name = _names(entries)
        _check_needs(entries, self._by_id)

    @classmethod
    def from_files(cls, texts: Mapping[str, str]) -> Catalogue:
        """Build a catalogue from the texts of services files, by their names (used in error messages).

        Raises
        ------
        CatalogueError
            With ``file:line:key`` in front.
        """
        return cls(_read(texts))

    def extended(self, texts: Mapping[str, str]) -> Catalogue:
        """Return a catalogue with the services of further files; a service whose id is known replaces it.

        Raises
        ------
        CatalogueError
            With ``file:line:key`` in front.
        """
        new = _read(texts)
        replaced = {entry.service.id for entry in new}
        return Catalogue((*(entry for entry in self._entries if entry.service.id not in replaced), *new))

    def resolve(self, name: str) -> Service | None:
        """Return the service called ``name`` (id, name or any alias; case, spaces and hyphens do not matter)."""
        return self._by_name.get(squeeze(name))

    def get_or_suggest(self, name: str) -> Service:
        """Return the service called ``name``.

        Raises
        ------
        InputError
            No service is called so; the message holds the nearest name.
        """
        service = self.resolve(name)
        if service is not None:
            return service
        near = get_close_matches(squeeze(name)[:100], self._by_name, n=1, cutoff=0.7)
        hint = f"; did you mean {self._by_name[near[0]].id}?" if near else ""
        raise InputError(f"unknown service '{printable(name, limit=60)}'{hint}")

    def __getitem__(self, service_id: str) -> Service:
        return self._by_id[service_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)


def squeeze(name: str) -> str:
    """Return what two spellings of one name have in common: normalised, without spaces, hyphens and underscores.

    Examples
    --------
    >>> squeeze("Microsoft-365") == squeeze("microsoft 365")
    True
    """
    return normalise(name, limit=512).translate(_JOINTS)


_JOINTS = str.maketrans("", "", " -_")


@cache
def catalogue() -> Catalogue:
    """Return the packaged catalogue."""
    folder = resource("services")
    texts = {
        f"data/services/{file.name}": file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }
    return Catalogue.from_files(texts)


def resource(*parts: str) -> Traversable:
    """Return a file or folder of the packaged data: from the installed package, else from the checkout.

    Raises
    ------
    InputError
        The installation lacks it.
    """
    package = files("detectors")
    for folder in (package.joinpath("_data", *parts), package.joinpath("..", "data", *parts)):
        if folder.is_file() or folder.is_dir():
            return folder
    raise InputError(f"the packaged data lacks {'/'.join(parts)}: install uproar again")


# --- reading a services file ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A service and where it is defined: ``lines`` by key, ``""`` for the table's header."""

    service: Service
    file: str
    lines: Mapping[str, int]

    def place(self, key: str) -> str:
        """Return ``file:line:key``."""
        return _place(self.file, self.lines, key)


def _place(file: str, lines: Mapping[str, int], key: str) -> str:
    """Return ``file:line:key``, with the line of the nearest thing that stands in the file."""
    line = lines.get(key) or lines.get(key.split(".", maxsplit=1)[0]) or lines.get("", 1)
    return f"{file}:{line}:{key}"


def _read(texts: Mapping[str, str]) -> tuple[Entry, ...]:
    """Read files by name, in the order of their names."""
    return tuple(entry for place in sorted(texts) for entry in parse_entries(texts[place], place=place))


def parse_services(text: str, *, place: str) -> tuple[Service, ...]:
    """Read one services file.

    Parameters
    ----------
    text
        TOML, as the module describes.
    place
        The file's name, for error messages.

    Raises
    ------
    CatalogueError
        With ``file:line:key`` in front.
    """
    return tuple(entry.service for entry in parse_entries(text, place=place))


def parse_entries(text: str, *, place: str) -> tuple[Entry, ...]:
    """Read one services file, keeping the lines; see :func:`parse_services`."""
    tables = parse_tables(text, TABLE, place=place)
    lines = find_lines(text, TABLE)
    lines += [{}] * (len(tables) - len(lines))  # tables written as an inline array have no header of their own
    return tuple(_entry(table, place, where) for table, where in zip(tables, lines, strict=False))


def parse_tables(text: str, name: str, *, place: str) -> list[Any]:
    """Read a TOML file that holds nothing but ``[[name]]`` tables.

    Raises
    ------
    CatalogueError
        It is not TOML, or holds something else.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise CatalogueError(f"not TOML: {error}", place=f"{place}:{line}") from None
    except RecursionError:
        raise CatalogueError("nested too deeply", place=f"{place}:1") from None
    for key in document:
        if key != name:
            raise CatalogueError(f"unknown key; only [[{name}]] tables", place=f"{place}:{_line_of(text, key)}:{key}")
    tables = document.get(name, [])
    if not isinstance(tables, list):
        raise CatalogueError(f"write [[{name}]]", place=f"{place}:{_line_of(text, name)}:{name}")
    return tables


def find_lines(text: str, name: str) -> list[dict[str, int]]:
    """Find the line of each key of each ``[[name]]`` table: tomllib does not say.

    Returns
    -------
    One dict a table, in order: key -> line number from 1, dotted for keys of sub-tables, ``""`` for the header.
    """
    found: list[dict[str, int]] = []
    prefix = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header and header[1] == name:
            found.append({"": number})
            prefix = ""
        elif header and header[1].startswith(f"{name}.") and found:
            prefix = header[1].removeprefix(f"{name}.")
            found[-1].setdefault(prefix, number)
            prefix += "."
        elif found and (key := _KEY.match(line)):
            found[-1].setdefault(prefix + key[1], number)
    return found


def _line_of(text: str, key: str) -> int:
    """Return the first line that sets ``key`` or opens a table of that name."""
    for number, line in enumerate(text.splitlines(), start=1):
        match = _KEY.match(line) or _HEADER.match(line)
        if match and match[1].split(".")[0].strip() == key:
            return number
    return 1


def _entry(table: object, file: str, lines: Mapping[str, int]) -> Entry:
    """Turn a table into a service, and check it by itself."""
    try:
        service = msgspec.convert(table, Service)
    except msgspec.ValidationError as error:
        key = _key_of(str(error))
        raise CatalogueError(_plain(str(error)), place=_place(file, lines, key)) from None
    entry = Entry(service, file, lines)
    for key, message in _mistakes(service):
        raise CatalogueError(message, place=entry.place(key))
    return entry


def _key_of(message: str) -> str:
    """Return the key that a message of msgspec is about."""
    path = re.search(r"at `\$\.?([^`]*)`", message)
    field = re.search(r"field `([^`]*)`", message)
    parts = [path[1] if path else "", field[1] if field else ""]
    return ".".join(re.sub(r"\[[^]]*\]", "", part) for part in parts if part) or TABLE


def _plain(message: str) -> str:
    """Return a message of msgspec in our words."""
    message = message.split(" - at `", maxsplit=1)[0]
    message = re.sub(r"^Object missing required field `(.*)`$", r"\1 is missing", message)
    return re.sub(r"^Object contains unknown field `(.*)`$", r"there is no key \1", message)


def _mistakes(service: Service) -> Iterator[tuple[str, str]]:
    """Yield ``(key, message)`` for what the types do not rule out."""
    if not _ID.fullmatch(service.id):
        yield "id", f"{service.id!r}: lower-case letters, digits and single hyphens only"
    for key, value in (("name", service.name), ("vendor", service.vendor), ("family", service.family)):
        if not normalise(value):
            yield key, f"{key} is empty"
    for key, names in (("aliases", service.aliases), ("ambiguous", service.ambiguous)):
        yield from ((key, "an empty name") for name in names if not squeeze(name))
    if not service.aliases and not service.ambiguous:
        yield "aliases", "no name at all: nobody could be heard"
    if service.status is not None and not service.status.url.startswith("https://"):
        yield "status.url", f"{service.status.url!r} does not begin with https://"
    yield from _odd_places(service)


def _odd_places(service: Service) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the regions and subreddits."""
    for code in service.regions:
        if code in _NOT_ISO:
            yield "regions", f"{code!r} is not ISO 3166-1; did you mean {_NOT_ISO[code]}?"
        elif not _COUNTRY.fullmatch(code):
            yield "regions", f"{code!r} is not a country code of two capitals (ISO 3166-1)"
    for name in service.subreddits:
        if not _SUBREDDIT.fullmatch(name):
            yield "subreddits", f"{name!r} is not the name of a subreddit (without r/)"


def _names(entries: tuple[Entry, ...]) -> dict[str, Service]:
    """Map every name to its service, and refuse a name that stands for two."""
    owner: dict[str, Entry] = {}
    for entry in entries:
        service = entry.service
        named = [("id", service.id), ("name", service.name)]
        named += [("aliases", name) for name in service.aliases] + [("ambiguous", name) for name in service.ambiguous]
        for key, name in named:
            other = owner.setdefault(squeeze(name), entry)
            if other is not entry:
                place = f"{other.file}:{other.lines.get('', 1)}"
                message = f"{name!r} is a name of {other.service.id!r} too ({place}); a name belongs to one service"
                raise CatalogueError(message, place=entry.place(key))
    return {name: entry.service for name, entry in owner.items()}


def _check_needs(entries: tuple[Entry, ...], by_id: Mapping[str, Service]) -> None:
    """Refuse needs that do not exist or lead back to the service itself."""
    for entry in entries:
        for need in entry.service.needs:
            if need not in by_id:
                near = get_close_matches(need, by_id, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise CatalogueError(f"needs {need!r}, which does not exist{hint}", place=entry.place("needs"))
        if entry.service.id in _reachable(entry.service, by_id):
            raise CatalogueError(f"{entry.service.id!r} needs itself, by a circle", place=entry.place("needs"))


def _reachable(service: Service, by_id: Mapping[str, Service]) -> set[str]:
    """Return the ids of everything that ``service`` needs, directly or not."""
    seen: set[str] = set()
    ahead = list(service.needs)
    while ahead:
        need = ahead.pop()
        if need not in seen and need in by_id:
            seen.add(need)
            ahead.extend(by_id[need].needs)
    return seen
