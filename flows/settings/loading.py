"""Reading the configuration: one TOML file, then the environment; a mistake names file:line:key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.errors import SettingsError
from flows.settings.sections import ReceiverSettings, ReceiverTables, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FILE = Path("uproar.toml")
ENV_PREFIX = "UPROAR_"


def load_settings(path: Path | None, *, environ: Mapping[str, str]) -> Settings:
    """Read the configuration.

    Parameters
    ----------
    path
        A TOML file that must exist; None takes ``uproar.toml`` of the current folder where there is one.
    environ
        The environment (``os.environ``).

    Raises
    ------
    SettingsError
        The file cannot be read, is not TOML, or holds an unknown key or a value out of range. The message starts with
        ``file:line:key`` (or with the variable's name) and never shows the value.
    """
    file = path or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    text = "" if file is None else _read(file)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"this is not TOML: {error}", place=str(file)) from None
    settings = _convert(raw, file, text)
    from_environ = _overlay(raw, environ)
    return _convert(from_environ, None, "") if from_environ != raw else settings


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"cannot read the configuration: {reason}", place=str(file)) from None


def _convert(raw: dict[str, Any], file: Path | None, text: str) -> Settings:
    try:
        return msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        key = _receiver_key(raw, where.strip("`.")).split("[", maxsplit=1)[0]
        if "unknown field" in what:  # msgspec's path ends at the table; the key itself stands in the sentence
            key = ".".join(part for part in (key, what.split("`")[1]) if part)
        if "matching regex" in what:
            key = "receivers"
        place = f"{file}:{_line_of(key, text)}:{key}" if file else _variable(key)
        raise SettingsError(_explain(what, key), place=place) from None


def _receiver_key(raw: dict[str, Any], where: str) -> str:
    """Put the name of a receiver into the path of a mistake: msgspec leaves it out."""
    if not where.startswith("receivers[...]"):
        return where
    for name, table in raw["receivers"].items():
        try:
            msgspec.convert({name: table}, ReceiverTables)
        except msgspec.ValidationError:
            return where.replace("receivers[...]", f"receivers.{name}")
    return where


def _explain(what: str, key: str) -> str:
    section = key.rpartition(".")[0]
    if "unknown field" in what and section:
        kind = ReceiverSettings if section.startswith("receivers.") else getattr(Settings(), section)
        return f"unknown key; [{section}] has {', '.join(kind.__struct_fields__)}"
    if "missing required field" in what:
        return f"[{key}] wants {what.split('`')[1]}"
    if "matching regex" in what:
        return "a receiver's name has letters, digits, _, . and - only, at most 40"
    if "unknown field" in what:
        return f"unknown section; there are {', '.join(Settings.__struct_fields__)}"
    return what[:1].lower() + what[1:]


def _line_of(key: str, text: str) -> int:
    """Return the line on which ``section.key`` is set, or that of its section, or 1."""
    section, _, name = key.rpartition(".")
    wanted, current, found = (section, name), "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("["):
            current = line.split("#")[0].strip(" []\t")
            found = number if current in {section, key} else found
        elif (current, line.split("=")[0].strip(" \"'")) == wanted:
            return number
    return found


def _variable(key: str) -> str:
    return ENV_PREFIX + key.replace(".", "_").upper()


def _overlay(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return ``raw`` with what the environment says; lists are separated by commas."""
    result = {section: dict(values) if isinstance(values, dict) else values for section, values in raw.items()}
    defaults = Settings()
    for section in Settings.__struct_fields__:
        if not isinstance(getattr(defaults, section), msgspec.Struct):
            continue  # receivers have names of their own; their secrets are taken by "env:NAME"
        for name in getattr(defaults, section).__struct_fields__:
            value = environ.get(_variable(f"{section}.{name}"))
            if value is not None:
                default = getattr(getattr(defaults, section), name)
                result.setdefault(section, {})[name] = _parse(value, default)
    return result


def _parse(value: str, default: object) -> object:
    if default is None or isinstance(default, bool):
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    if isinstance(default, tuple):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(default, int):
        return int(value) if value.strip().lstrip("-").isdigit() else value
    if isinstance(default, float):
        return _number(value)
    return value


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
