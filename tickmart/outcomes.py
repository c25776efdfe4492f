"""Shows what became of the loads that a build took in: a line per source, then why and where to look."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from tickmart.output import number, show_rows
from warehouse.outcomes import Reason, SourceOutcome

_COLUMNS = (
    "source", "loads", "landed", "new", "duplicate", "superseded", "quarantined", "rejected",
)  # fmt: skip
_MOST_REASONS = 5
_MOST_IDS = 5
_KINDS = ("duplicate", "superseded", "quarantined")


def show_outcomes(outcomes: Sequence[SourceOutcome]) -> None:
    """Write a table to stdout, and beneath it why rows stand in no mart and what shows them."""
    if not outcomes:
        return
    show_rows(_COLUMNS, [asdict(outcome) | {"landed": outcome.rows} for outcome in outcomes])
    for outcome in outcomes:
        for kind in _KINDS:
            _show_reasons(outcome, kind)
        if outcome.rejected:
            typer.echo(f"{outcome.source}: {number(outcome.rejected, 'line')} rejected")
            ids = outcome.ids_by_outcome["rejected"]
            typer.echo(f"  see: tickmart rejects{f' {ids[0]}' if len(ids) == 1 else ''}")


def outcomes_as_json(outcomes: Sequence[SourceOutcome]) -> list[dict[str, Any]]:
    """Return the outcomes as JSON writes them, all reasons included."""
    return [
        {name: value for name, value in asdict(outcome).items() if name != "ids_by_outcome"}
        for outcome in outcomes
    ]


def _show_reasons(outcome: SourceOutcome, kind: str) -> None:
    reasons = [reason for reason in outcome.reasons if reason.outcome == kind]
    for reason in reasons[:_MOST_REASONS]:
        typer.echo(f"{outcome.source}: {number(reason.rows, 'row')} {kind}: {reason.reason}")
    others: list[Reason] = reasons[_MOST_REASONS:]
    if others:
        rows = sum(reason.rows for reason in others)
        typer.echo(
            f"{outcome.source}: {number(rows, 'row')} {kind} for {number(len(others), 'other reason')}"
        )
    ids = outcome.ids_by_outcome
    if kind == "quarantined" and kind in ids:
        _show_command("quarantine", _these("load_id", ids[kind]))
    elif kind == "superseded":  # duplicates stand in the same mart: it is named once, after both
        lost = sorted({*ids.get("duplicate", []), *ids.get("superseded", [])})
        conditions = [_these("load_id", lost), _these("winner_load_id", ids.get("repeated", []))]
        if any(conditions):
            _show_command("superseded_rows", " or ".join(filter(None, conditions)))


def _show_command(mart: str, condition: str) -> None:
    typer.echo(
        f'  see: tickmart db psql -c "select uri, line, reason, row_text from marts.{mart} where {condition}"'
    )


def _these(column: str, ids: Sequence[int]) -> str:
    if len(ids) <= 1:
        return "".join(f"{column} = {load_id}" for load_id in ids)
    if len(ids) <= _MOST_IDS:
        return f"{column} in ({', '.join(map(str, ids))})"
    return f"{column} between {ids[0]} and {ids[-1]}"
