"""Small builders of the things that tests talk about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from detectors.model import Post

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday, midnight UTC."""


def post(number: int = 0, text: str = "imessage down?", *, minute: float = 0, **fields: Any) -> Post:
    """Build a post, ``minute`` minutes after :data:`START`."""
    fields.setdefault("platform", "test")
    fields.setdefault("created_at", START + timedelta(minutes=minute))
    fields.setdefault("author_id", f"author-{number}")
    return Post(id=f"post-{number}", text=text, **fields)
