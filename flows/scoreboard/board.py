"""The scoreboard's parts put together, and written as JSON and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detectors.evaluation.nab import PROFILES
from detectors.evaluation.summary import Pool, curve, figures, retuned
from detectors.evaluation.trial import ORACLE, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detectors.evaluation.trial import Settings, Trial

BUDGETS = (0.1, 0.3, 1.0)
"""False alarms a service-month to which thresholds are set anew, where that is asked for."""

BOTH = "both"
"""The severity of a detector that knows only one."""

Record = dict[str, Any]


def simulation_part(trials: Mapping[str, Sequence[Trial]], settings: Settings, budgets: Sequence[float] = ()) -> Record:
    """Return the figures of all detectors under the same settings.

    Parameters
    ----------
    trials
        By detector, over the same seeds; the oracle among them.
    budgets
        False alarms a service-month to which thresholds are set anew besides the default.
    """
    rows: list[Record] = []
    curves: list[Record] = []
    oracle = trials.get(ORACLE, ())
    for name, own in trials.items():
        knows_one = all(trial.severities["watch"] == trial.severities["page"] for trial in own)
        for severity in SEVERITIES[:1] if knows_one else SEVERITIES:
            head: Record = {"detector": name, "severity": BOTH if knows_one else severity}
            curves.append(head | {"points": curve(own, severity)})
            beside = () if name == ORACLE else oracle
            if name != ORACLE:
                rows.append(head | {"budget": None} | figures(Pool(own, severity), beside))
            for budget in BUDGETS[::2] if name == ORACLE else budgets:
                threshold = retuned(own, severity, budget)
                if threshold is not None:
                    rows.append(head | {"budget": budget} | figures(Pool(own, severity, threshold), beside))
    return {"settings": settings, "rows": rows, "curves": curves}


# --- as a table ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, and where its figure stands in the record."""

    head: str
    path: str
    digits: int = 2


SIMULATION = (
    Column("recall", "recall", 3),
    Column("at 3x", "recall_3x", 3),
    Column("covered", "covered", 0),
    Column("delay, min: median", "delay_min.median", 1),
    Column("p90", "delay_min.p90", 1),
    Column("mean", "delay_min.mean", 1),
    Column("bound: median", "bound_min.median", 1),
    Column("mean", "bound_min.mean", 1),
    Column("mean over oracle's", "delay_over_oracle"),
    Column("false a month", "false_per_month"),
    Column("not near copied texts", "false_elsewhere_per_month"),
    Column("alarms a news bump", "alarms_per_bump"),
)
EXTENT = (
    Column("onset error, min: median", "onset.error_median_min", 1),
    Column("p90", "onset.error_p90_min", 1),
    Column("bias", "onset.bias_median_min", 1),
    Column("held", "onset.coverage"),
    Column("end error, min: median", "end.error_median_min", 1),
    Column("p90", "end.error_p90_min", 1),
    Column("bias", "end.bias_median_min", 1),
    Column("held", "end.coverage"),
)
REAL = (
    Column("events", "events", 3),
    Column("label", "label", 3),
    Column("silver", "silver", 3),
    Column("in its first bin", "silver_in_first_bin", 3),
    Column("pair", "pair", 3),
    Column("delay, min: median", "delay_min.median", 0),
    Column("unexplained a month", "unexplained_per_month"),
    Column("worst service", "worst_per_month"),
    Column("grey", "grey", 0),
)


def table(rows: Sequence[Record], columns: Sequence[Column]) -> list[str]:
    """Return the lines of a Markdown table, a row for each detector, severity and threshold."""
    heads = ["detector", "severity", "threshold", *(column.head for column in columns)]
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for row in rows:
        threshold = "default" if row["budget"] is None else f"re-tuned to {row['budget']:g}: {row['threshold']:.2f}"
        cells = [row["detector"], row["severity"], threshold, *(cell(row, column) for column in columns)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def cell(row: Record, column: Column) -> str:
    """Return a figure with its interval; a dash where there is none."""
    value: Any = row
    for part in column.path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        return "-" if value is None else f"{value:.{column.digits}f}"
    if value["value"] is None:
        return "-"
    text = f"{value['value']:.{column.digits}f}"
    if "hits" in value:
        text += f" ({value['hits']}/{value['n']})"
    elif value["interval"] is not None:
        low, high = value["interval"]
        text += f" ({low:.{column.digits}f} to {high:.{column.digits}f})"
    return text


def rate_lines(row: Record) -> list[str]:
    """Return false alarms a month and recall by the services' usual rate: one setting must mean the same everywhere."""
    lines = [
        f"| {row['detector']}, {row['severity']}: posts a minute | false a month | recall |",
        "|---|---:|---:|",
    ]
    for each in row["by_rate"]:
        if each["false_per_month"]["value"] is not None:
            false = cell(each, Column("", "false_per_month"))
            recall = cell(each, Column("", "recall", 3))
            lines.append(f"| {each['from_per_min']:.3g} to {each['to_per_min']:.3g} | {false} | {recall} |")
    return lines


def nab_lines(nab: Record) -> list[str]:
    """Return the NAB scores, ours and published ones: standard / low FP / low FN."""
    lines = [
        "Standard / low FP / low FN. *Best* has the threshold set on these very series, as the published scores have;",
        "*left out* on the other nine; *either* leaves severity and reading out too.",
        "",
        "| detector | severity | detections are | default | best | left out |",
        "|---|---|---|---:|---:|---:|",
    ]
    for row in nab["rows"]:
        scores = (_profiles(row.get(way)) for way in ("default", "best", "left_out"))
        lines.append("| " + " | ".join([row["detector"], row["severity"], row["reading"], *scores]) + " |")
    lines += [f"| {row['detector']} | published | | | {_profiles(row)} | |" for row in nab["published"]]
    return lines


def _profiles(scores: Record | None) -> str:
    return " / ".join(f"{scores[profile]:.1f}" for profile in PROFILES) if scores else "-"


def markdown(board: Record) -> str:
    """Return the whole scoreboard as Markdown."""
    lines = ["# Scoreboard", "", *_about(board)]
    for part in board["simulation"]:
        settings = part["settings"]
        seeds = f"{part['seeds']} seeds ({part['purpose']})"
        lines += ["", f"## Simulation, {settings['difficulty']}, noise {settings['noise']}: {seeds}", ""]
        defaults = [row for row in part["rows"] if row["budget"] is None]
        lines += [*table(part["rows"], SIMULATION), "", *table(defaults, EXTENT)]
        for row in defaults:
            if row["detector"] == "uproar":
                causes = ", ".join(f"{cause} {count}" for cause, count in row["false_by_cause"].items())
                lines += ["", *rate_lines(row), "", f"False alarms near: {causes or 'none'}."]
    if real := board["real"]:
        lines += ["", f"## Real counts ({real['data']})", ""]
        lines += [", ".join(f"{name} {count}" for name, count in real["truth"].items()), ""]
        lines += table(real["rows"], REAL)
    if nab := board["nab"]:
        lines += ["", f"## NAB realTweets: {nab['series']} series, {nab['windows']} windows", "", *nab_lines(nab)]
    return "\n".join(lines) + "\n"


def _about(board: Record) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in board["versions"].items())
    return [
        f"{board['made_at'][:10]}, commit {board['commit'] or 'unknown'}, {versions}.",
        "",
        "In brackets: hits of n, or the 95 % interval; n and everything else is in scoreboard.json. Recall is of the",
        "outages that one who knows the true rates could be sure of (12 nats); 3x is on the whole series. The oracle",
        "knows the true rates, its threshold is re-tuned; *mean over oracle's* compares at equal false alarms.",
        "*Held* is the share of 90 % intervals that hold the truth, *bias* the median of said minus true. Alarms *near",
        "copied texts* start within 4 h of one joke or spam text copied many times. Re-tuned rows only compare.",
    ]
