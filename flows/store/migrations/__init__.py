"""Migrations of the store, run by :mod:`flows.store.migrate`; alembic reads them from here."""
