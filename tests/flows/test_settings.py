"""The configuration: what is wrong is named by file, line and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detectors.errors import SettingsError
from flows.settings import TEMPLATE, Settings, load_settings, read_secret

if TYPE_CHECKING:
    from pathlib import Path

MISTAKES = [
    ("[store]\nurl = 3\n", ":2:store.url: expected `str`, got `int`"),
    ("[watch]\n\nevery_s = 5\n", ":3:watch.every_s: expected `int` >= 30"),
    ("[watch]\nfoo = 1\n", ":2:watch.foo: unknown key; [watch] has every_s, bin_width_s"),
    ("[nope]\na = 1\n", ":1:nope: unknown section; there are store, watch, sources"),
    ("# first\ny = 1\n", ":2:y: unknown section"),
    ("[store\n", ": this is not TOML: Expected ']'"),
    ("[watch]\nservices = [1]\n", ":2:watch.services: expected `str`, got `int`"),
]


def test_template_states_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "uproar.toml"
    file.write_text(TEMPLATE)
    assert load_settings(file, environ={}) == Settings()


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_mistake_names_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "uproar.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file, environ={})
    assert str(caught.value).startswith(f"{file}{message}")


def test_environment_replaces_one_value() -> None:
    environ = {"UPROAR_WATCH_EVERY_S": "120", "UPROAR_SOURCES_ARCHIVE": "a.jsonl, b.jsonl", "UPROAR_OTHER": "1"}
    settings = load_settings(None, environ=environ)
    assert (settings.watch.every_s, settings.sources.archive) == (120, ("a.jsonl", "b.jsonl"))
    assert settings.store == Settings().store


def test_mistake_in_the_environment_names_the_variable() -> None:
    with pytest.raises(SettingsError, match=r"^UPROAR_WATCH_EVERY_S: expected `int`"):
        load_settings(None, environ={"UPROAR_WATCH_EVERY_S": "soon"})


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the configuration: No such file"):
        load_settings(tmp_path / "none.toml", environ={})


def test_secret_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "uproar.toml"
    file.write_text('[store]\nsecret = "canary-4711"\nurl = 1\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(file, environ={"UPROAR_STORE_SECRET": "canary-4712"})
    assert "canary" not in str(caught.value)


def test_secrets_are_not_in_the_repr() -> None:
    environ = {
        "UPROAR_STORE_SECRET": "canary-1",
        "UPROAR_X_BEARER_TOKEN": "canary-2",
        "UPROAR_REDDIT_CLIENT_SECRET": "canary-3",
    }
    settings = load_settings(None, environ=environ)
    assert settings.x.bearer_token == environ["UPROAR_X_BEARER_TOKEN"]
    assert "canary" not in repr(settings) + repr(settings.x) + repr(settings.reddit) + repr(settings.store)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False)])
def test_the_environment_can_switch(text: str, value: bool) -> None:  # noqa: FBT001
    assert load_settings(None, environ={"UPROAR_BLUESKY_ENABLED": text}).bluesky.enabled is value
    with pytest.raises(SettingsError, match=r"^UPROAR_BLUESKY_ENABLED: expected `bool"):
        load_settings(None, environ={"UPROAR_BLUESKY_ENABLED": "perhaps"})


def test_the_environment_can_name_an_amount() -> None:
    assert load_settings(None, environ={"UPROAR_X_BUDGET_USD": "12.5"}).x.budget_usd == 12.5
    with pytest.raises(SettingsError, match=r"^UPROAR_X_BUDGET_USD: expected `float`"):
        load_settings(None, environ={"UPROAR_X_BUDGET_USD": "much"})


@pytest.mark.parametrize(
    ("text", "bluesky", "is_live"),
    [
        ("", True, True),
        ('[sources]\narchive = ["a"]', False, False),
        ('[mastodon]\ninstances = ["https://m.example"]', False, True),
        ('[sources]\narchive = ["a"]\n[bluesky]\nenabled = true', True, True),
        ("[bluesky]\nenabled = false\n[hackernews]\nenabled = false", False, False),
        ("[hackernews]\nenabled = true", False, True),
    ],
)
def test_what_needs_no_account_is_on_where_nothing_else_is(
    tmp_path: Path,
    text: str,
    bluesky: bool,  # noqa: FBT001
    is_live: bool,  # noqa: FBT001
) -> None:
    file = tmp_path / "uproar.toml"
    file.write_text(text)
    assert not load_settings(file, environ={}).is_on(None), "not without a secret"
    settings = load_settings(file, environ={"UPROAR_STORE_SECRET": "a long random text"})
    assert settings.is_on(settings.bluesky.enabled) is bluesky
    assert settings.is_live is is_live


def test_a_secret_can_be_named() -> None:
    assert read_secret("plain", key="x.bearer_token", environ={}) == "plain"
    assert read_secret("env:TOKEN", key="x.bearer_token", environ={"TOKEN": "canary"}) == "canary"
    assert read_secret("prefect:token", key="x.bearer_token", environ={}, blocks=str.upper) == "TOKEN"
    with pytest.raises(SettingsError, match=r"x.bearer_token: the environment has no TOKEN"):
        read_secret("env:TOKEN", key="x.bearer_token", environ={})
    with pytest.raises(SettingsError, match=r"x.bearer_token: token is a Prefect Secret block"):
        read_secret("prefect:token", key="x.bearer_token", environ={})
