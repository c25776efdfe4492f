"""Who decided the expiry of a symbol, on the table of symbols, which no full refresh makes anew."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        do $$
        begin
            if to_regclass('intermediate.int_symbols__parsed') is not null then
                alter table intermediate.int_symbols__parsed add column if not exists expiry_decided_by text;
                update intermediate.int_symbols__parsed
                set expiry_decided_by = case
                    when dialect <> 'gfdl' or vendor_symbol ~* '-(I|II|III)(\\.|$)' then 'file'
                    else 'symbol'
                end
                where
                    instrument_type in ('option', 'future')
                    and expiry is not null and expiry_decided_by is null;
            end if;
        end $$
        """
    )
