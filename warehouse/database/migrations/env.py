"""Run by Alembic; `warehouse.database.migrate` gives the connection, its transaction and its lock."""

import sqlalchemy
from alembic import context

connection: sqlalchemy.Connection = context.config.attributes["connection"]
connection.execute(sqlalchemy.text("create schema if not exists audit"))
context.configure(connection=connection, version_table_schema="audit", transaction_per_migration=False)
context.run_migrations()
