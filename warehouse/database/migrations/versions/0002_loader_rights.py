"""What the loader role lacked: taking a load id before its row of the ledger, and taking a load back."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        do $$
        begin
            if exists (select from pg_roles where rolname = 'tickmart_loader') then
                grant usage on sequence audit.loads_load_id_seq to tickmart_loader;
                grant delete on audit.rejects to tickmart_loader;
            end if;
        end
        $$
        """
    )
