"""Publish the marts as files."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

from prefect import get_run_logger, task
from prefect.events import emit_event

from exporters.exporting import ExportReport, export
from exporters.formats import EXPORTERS
from exporters.publish import open_store, read_manifest
from warehouse.built_slices import first_session_touched
from warehouse.database import connect
from warehouse.errors import TickmartError

# A file may land while an export runs, or long before it is built, so the nights look back a day further.
_BUILT_LATER_THAN_LANDED = timedelta(days=1)

_FIRST_OF_NEWEST_MONTH = """
    select date_trunc('month', max(session_date))::date from marts.data_coverage where bars > 0
"""


def check_formats(formats: Sequence[str]) -> None:
    """Refuse a format that no exporter writes, before any work is done.

    Raises
    ------
    TickmartError
    """
    unknown = [name for name in formats if name not in EXPORTERS]
    if unknown:
        raise TickmartError(f"unknown format {', '.join(unknown)}; known: {', '.join(EXPORTERS)}")


def first_session_to_export(format: str, underlyings: Sequence[str], destination: str) -> date | None:
    """Return the first session that may differ from what a destination holds.

    That is the first day of the month of the newest session, or an earlier session of files that were loaded,
    restated or taken back since the destination was written, tonight or in a night whose export failed.

    Parameters
    ----------
    format : str
    underlyings : sequence of str
        Empty: all.
    destination : str
        A folder or `s3://bucket/prefix`.

    Returns
    -------
    date or None
        None, which means everything, if this format was not exported there yet.
    """
    manifest = read_manifest(open_store(destination))
    if manifest is None or format not in manifest.exporters:
        return None
    with connect() as connection, connection.cursor() as cursor:
        touched = first_session_touched(
            connection, manifest.updated_at - _BUILT_LATER_THAN_LANDED, underlyings
        )
        cursor.execute(_FIRST_OF_NEWEST_MONTH)
        (newest,) = next(cursor)
    return min((session for session in (touched, newest) if session is not None), default=None)


@task(task_run_name="publish {format}")
def publish(
    format: str, underlyings: list[str], start: date | None, end: date | None, destination: str
) -> ExportReport:
    """Export one format and have it read back and compared, as `tickmart export` does.

    Parameters
    ----------
    format : str
    underlyings : list of str
        Empty: all.
    start, end : date or None
        First and last session, both included. Without a start: `first_session_to_export`.
    destination : str
        A folder or `s3://bucket/prefix`.
    """
    changed = partial(first_session_to_export, format, underlyings, destination) if start is None else None
    report = export(format, underlyings, start, end, destination, first_session=changed)
    log = get_run_logger()
    for warning in report.warnings:
        log.warning(warning)
    log.info(
        "%s: %s files written, %s as they were, %s removed",
        report.destination,
        report.outcome.written,
        report.outcome.unchanged,
        report.outcome.removed,
    )
    emit_event(
        "tickmart.export.published",
        resource={"prefect.resource.id": f"tickmart.export.{format}", "prefect.resource.name": destination},
        payload=report.to_dict(),
    )
    return report
