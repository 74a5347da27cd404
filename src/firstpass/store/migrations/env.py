"""Alembic's entry: runs on the connection, and inside the transaction, that firstpass.store.migrate hands over."""

from alembic import context

from firstpass.store import schema

context.configure(connection=context.config.attributes["connection"], target_metadata=schema.tables, render_as_batch=True)
context.run_migrations()
