"""What alembic runs: the migrations, on the connection (and in the transaction) that it is given."""

from __future__ import annotations

from alembic import context

if hasattr(context, "config"):  # it has none where somebody only imports this file, to look for doctests for instance
    context.configure(
        connection=context.config.attributes["connection"],
        version_table=context.config.attributes["version_table"],
    )
    context.run_migrations()
