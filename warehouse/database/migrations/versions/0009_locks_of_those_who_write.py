"""Locks for whoever builds, prices or loads: they need rights on tables, which others lack."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply."""
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    "create table audit.build_lock ()",
    "create table audit.greeks_lock ()",
    "create table audit.locks (name text primary key)",
    "comment on table audit.build_lock is 'Empty; held in exclusive mode by the build that is running'",
    "comment on table audit.greeks_lock is 'Empty; held in exclusive mode by the run of the Greeks'",
    """
    comment on table audit.locks is
    'One row per thing that one transaction at a time may write, locked for update by the one that does'
    """,
    """
    create function audit.try_lock(wanted text) returns boolean language plpgsql set lock_timeout = '1s' as $$
    begin
        if not exists (select from audit.locks where name = wanted) then
            begin
                insert into audit.locks (name) values (wanted) on conflict do nothing;
            exception when lock_not_available then
                return false;  -- another makes the row, in a transaction that goes on
            end;
        end if;
        perform from audit.locks where name = wanted for update skip locked;
        return found;
    end
    $$
    """,
    """
    create function audit.lock_holder(wanted text) returns int stable language sql as $$
        select pg_locks.pid
        from audit.locks
        inner join pg_locks
            on pg_locks.locktype = 'transactionid' and pg_locks.transactionid = locks.xmax
        where locks.name = wanted and pg_locks.mode = 'ExclusiveLock' and pg_locks.granted
    $$
    """,
    """
    create function audit.table_lock_holder(wanted regclass) returns int stable language sql as $$
        select pid
        from pg_locks
        where locktype = 'relation' and relation = wanted and mode = 'ExclusiveLock' and granted
            and database = (select oid from pg_database where datname = current_database())
    $$
    """,
    # Of other users' sessions a user sees only the name, unless he is a member of pg_read_all_stats.
    """
    create function audit.describe_session(process int) returns text stable language sql as $$
        select
            case
                when pg_has_role(current_user, 'pg_read_all_stats', 'usage')
                    or pg_has_role(current_user, usesysid, 'usage')
                    then format(
                        'process %s (%s) of user %s from %s, since %s', pid,
                        coalesce(nullif(application_name, ''), 'unnamed'), usename,
                        coalesce(host(client_addr), 'this machine'),
                        to_char(coalesce(xact_start, backend_start), 'YYYY-MM-DD HH24:MI:SS TZ')
                    )
                else format('process %s of user %s', pid, usename)
            end
        from pg_stat_activity
        where pid = process
    $$
    """,
    "comment on function audit.try_lock is 'Lock a name for this transaction; false where another has it'",
    "comment on function audit.lock_holder is 'The server process that has locked a row of audit.locks'",
    "comment on function audit.table_lock_holder is 'The server process that holds a lock table of audit'",
    "comment on function audit.describe_session is 'Who a server process is, from where and since when'",
)
