"""A loader locks raw tables and no models; members of archives are named in the ledger as they are now."""

import re
from urllib.parse import quote

import sqlalchemy
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply."""
    op.execute("alter table audit.locks enable row level security")
    op.execute(
        """
        create policy what_one_writes on audit.locks
        using (name like 'raw%' or has_table_privilege('audit.locks', 'delete'))
        """
    )
    op.execute(
        """
        comment on policy what_one_writes on audit.locks is
        'Who only loads has no right to delete here, and locks what is raw; the builds lock everything'
        """
    )
    _quote_members()


def _quote_members() -> None:
    connection = op.get_bind()
    loads = connection.execute(sqlalchemy.text("select load_id, uri from audit.loads where uri like '%!%'"))
    for load_id, uri in loads.fetchall():
        if (quoted := _with_quoted_members(uri)) != uri:
            connection.execute(
                sqlalchemy.text("update audit.loads set uri = :uri where load_id = :load_id"),
                {"uri": quoted, "load_id": load_id},
            )


def _with_quoted_members(uri: str) -> str:
    """Quote what uris had taken from archives as it is: `%`, `!`, `?` and what cannot be printed."""
    whole, as_of = re.fullmatch(r"(.*?)(\?as_of=\d{4}-\d\d-\d\d)?", uri, re.DOTALL).groups("")  # type: ignore[union-attr]
    archive, *members = whole.split("!")
    parts = [archive]
    for member in members:
        # only an archive has members: any other `!` belongs to the name
        if len(parts) == 1 or re.search(r"\.zip(#\d+)?$", parts[-1], re.IGNORECASE):
            parts.append(member)
        else:
            parts[-1] += f"!{member}"
    return "!".join([archive, *map(_quoted, parts[1:])]) + as_of


def _quoted(member: str) -> str:
    return "".join(c if c.isprintable() and c not in "!?%" else quote(c, safe="") for c in member)
