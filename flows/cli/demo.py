"""``uproar demo``: the bundled simulated outage, end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.cli.output import DONE, LOOK, emit, note, progress_bar, say


def demo(*, page: Path = Path("uproar-demo.html"), json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Replay the bundled simulated outage end to end and write its incident page.

    Parameters
    ----------
    page
        Where the incident page goes.
    json
        Print the incident as JSON.
    """
    from flows import steps
    from flows.replay import replay_sample, sample_truth
    from flows.report.page import incident_page
    from flows.report.record import incident_record
    from flows.report.sentences import lines
    from flows.store import open_store

    if not json:
        say("Replaying a simulated iMessage outage: made-up posts of three and a half days in March 2026.")
    with open_store(":memory:") as store, progress_bar("Replaying") as advance:
        done = replay_sample(store, progress=advance)
        found = [history.incident for history in done.at_least("page")]
        if not found:
            note("The demo found no incident: that is a defect. Please report it with the output of: uproar doctor")
            return LOOK
        incident = max(found, key=lambda one: one.score)
        view = steps.view(store, incident, is_simulated=True)
    page.write_text(incident_page(view), encoding="utf-8")
    if json:
        emit(incident_record(incident) | {"page": str(page), "simulated": True})
        return DONE
    say(
        f"Read {done.came.posts:,} posts; {done.came.reports:,} report trouble with one of {len(done.keys)} services.\n"
    )
    say("\n".join(lines(incident, service_name=view.service_name, earlier=view.earlier)))
    truth = sample_truth()
    say(f"\nSimulated truth: {truth.onset_at:%H:%M} to {truth.end_at:%H:%M} UTC, {truth.factor:g}x the usual.")
    say(f"Incident page:   {page} (opens in any browser, without a network)")
    return DONE
