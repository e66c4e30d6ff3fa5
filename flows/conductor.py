"""What flow files share of Prefect: the configuration with its Secret blocks, events, and a page for a tick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from prefect.artifacts import create_markdown_artifact
from prefect.blocks.system import Secret
from prefect.events import emit_event

from flows.report.happenings import fault_happening, tick_markdown, transition_happening
from flows.settings import Settings, World, load_settings

if TYPE_CHECKING:
    from flows.live import Tick
    from flows.report.happenings import Happening


def configuration(config: str | None) -> tuple[Settings, World]:
    """Read the configuration (None = ``uproar.toml`` where there is one); its secrets may be Prefect's blocks."""
    return load_settings(Path(config) if config else None, environ=os.environ), World(blocks=read_block)


def read_block(name: str) -> str:
    """Read a Prefect Secret block."""
    return str(cast("Secret[str]", Secret.load(name)).get())  # a coroutine only where a loop is running already


def tell(done: Tick) -> None:
    """Let Prefect's automations know what happened, and keep a page of a tick that changed something."""
    incidents = {incident.id: incident for incident in done.incidents}
    happened = [transition_happening(step, incidents[step.incident_id]) for step in done.news]
    happened += [fault_happening(fault) for fault in (*done.faults_began, *done.faults_ended)]
    for one in happened:
        emit(one)
    if done.has_news:
        text = tick_markdown(done.headlines, done.faults_began, done.faults_ended)
        create_markdown_artifact(text, key="uproar-tick", description="What the last tick changed")


def emit(happening: Happening) -> None:
    """Emit a Prefect event. It occurs now: Prefect drops events of long ago; ``at`` says when it could be known."""
    emit_event(
        event=happening.name,
        resource=happening.resource,
        payload={"at": happening.at.isoformat(), **happening.payload},
        id=happening.id,
    )
