"""Publish the marts as files."""

from collections.abc import Sequence
from datetime import date

from prefect import get_run_logger, task
from prefect.events import emit_event

from exporters.registry import EXPORTERS, ExportReport, export
from warehouse.database import connect
from warehouse.errors import TickmartError


def check_formats(formats: Sequence[str]) -> None:
    """Refuse a format that no exporter writes, before any work is done.

    Raises
    ------
    TickmartError
    """
    unknown = [name for name in formats if name not in EXPORTERS]
    if unknown:
        raise TickmartError(f"unknown format {', '.join(unknown)}; known: {', '.join(EXPORTERS)}")


def first_session_to_export(load_ids: Sequence[int]) -> date | None:
    """Return the first day of the month of the newest session, or an earlier session that loads touched.

    Parameters
    ----------
    load_ids : sequence of int
        The loads that tonight's build brought in or replaced: a restated old file is exported again, too.

    Returns
    -------
    date or None
        None while the marts are empty.
    """
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select least("
            " (select date_trunc('month', max(session_date))::date from marts.data_coverage where bars > 0),"
            " (select min(session_date) from intermediate.int_loads__slices where load_id = any(%s)))",
            (list(load_ids),),
        )
        row: tuple[date | None] = next(cursor)
    return row[0]


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
        First and last session, both included.
    destination : str
        A folder or `s3://bucket/prefix`.
    """
    report = export(format, underlyings, start, end, destination)
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
