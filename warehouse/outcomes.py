"""What became of the rows of the loads that a build took in, per source, and why."""

from dataclasses import dataclass
from datetime import datetime

import psycopg2.errors
import psycopg2.extensions
from psycopg2.extras import RealDictCursor

# The last model that follows the ledger. It takes a load when every shape of the load's rows has taken it.
LAST_BUILT = "int_quotes__set_aside"

_BY_SOURCE = """
select
    source,
    count(*) as loads,
    sum(rows)::bigint as rows,
    sum(rows_in_marts - rows_repeated)::bigint as new,
    sum(rows_duplicate + rows_repeated)::bigint as duplicate,
    sum(rows_repeated)::bigint as repeated,
    sum(rows_superseded)::bigint as superseded,
    sum(rows_quarantined)::bigint as quarantined,
    sum(rows_rejected)::bigint as rejected,
    jsonb_strip_nulls(jsonb_build_object(
        'repeated', jsonb_agg(load_id order by load_id) filter (where rows_repeated > 0),
        'duplicate', jsonb_agg(load_id order by load_id) filter (where rows_duplicate > 0),
        'superseded', jsonb_agg(load_id order by load_id) filter (where rows_superseded > 0),
        'quarantined', jsonb_agg(load_id order by load_id) filter (where rows_quarantined > 0),
        'rejected', jsonb_agg(load_id order by load_id) filter (where rows_rejected > 0)
    )) as ids_by_outcome
from marts.load_history
where load_id = any(%s)
group by source
order by source
"""

_BY_REASON = """
select loads.source, aside.outcome, aside.reason, sum(aside.rows)::bigint as rows
from marts.set_aside_by_reason as aside
inner join audit.loads on aside.load_id = loads.load_id
where aside.load_id = any(%s)
group by loads.source, aside.outcome, aside.reason
order by aside.outcome, sum(aside.rows) desc, aside.reason
"""


@dataclass(frozen=True)
class Reason:
    """Why rows of a source stand in no mart.

    Attributes
    ----------
    outcome : str
        `duplicate`, `superseded` or `quarantined`.
    reason : str
        In words.
    rows : int
    """

    outcome: str
    reason: str
    rows: int


@dataclass(frozen=True)
class SourceOutcome:
    """What became of a source's rows; rows = new + duplicate + superseded + quarantined.

    Attributes
    ----------
    source : str
    loads : int
        Loads that the build took in.
    rows : int
        Rows that they landed.
    new : int
        Of these, rows that stand in a mart and were in none before.
    duplicate, superseded, quarantined : int
        Rows that equal the row in the mart, that lost to one with other values, and that may not enter a
        mart.
    rejected : int
        Lines that could not be landed, beside `rows`.
    reasons : list of Reason
        Those with most rows first, outcome by outcome.
    ids_by_outcome : dict of str to list of int
        The loads that have rows of an outcome, `rejected` included; `repeated` are those with rows in a mart
        that an earlier build had from another file, with the same values.
    """

    source: str
    loads: int
    rows: int
    new: int
    duplicate: int
    superseded: int
    quarantined: int
    rejected: int
    reasons: list[Reason]
    ids_by_outcome: dict[str, list[int]]


def moment(connection: psycopg2.extensions.connection) -> datetime:
    """Return the database's time, to ask afterwards what was built since."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        (now,) = next(cursor)
    connection.rollback()
    found: datetime = now
    return found


def outcomes_since(connection: psycopg2.extensions.connection, since: datetime) -> list[SourceOutcome]:
    """Return what became of the loads that builds have taken in since a moment; reads nothing of other loads.

    Parameters
    ----------
    connection : psycopg2 connection
    since : datetime
        As `moment` gave it before the build.

    Returns
    -------
    list of SourceOutcome
        Empty where no load was taken in, or where the marts that record this were not built since the last
        upgrade.
    """
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(
            "select load_id from audit.built_loads where model = %s and built_at >= %s", (LAST_BUILT, since)
        )
        load_ids = [row["load_id"] for row in cursor.fetchall()]
        if not load_ids:
            return []
        try:
            cursor.execute(_BY_REASON, (load_ids,))
            reasons: dict[str, list[Reason]] = {}
            for row in cursor.fetchall():
                reasons.setdefault(row.pop("source"), []).append(Reason(**row))
            cursor.execute(_BY_SOURCE, (load_ids,))
            found = []
            for row in cursor.fetchall():
                repeated = row.pop("repeated")
                why = [Reason("duplicate", "delivered before by another file", repeated)] if repeated else []
                found.append(SourceOutcome(reasons=why + reasons.get(row["source"], []), **row))
            return found
        except (psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn):
            connection.rollback()
            return []
