"""Generations: each export stages its files under a name of its own, which says when it began."""

import re
import secrets
from datetime import UTC, datetime

STAGING = ".staging"
GENERATION = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
_BEGUN = "%Y%m%dT%H%M%SZ"


def new_generation() -> str:
    """Return a name that no other export has, such as `20250328T101500Z-1f00c0de`."""
    return f"{datetime.now(UTC):{_BEGUN}}-{secrets.token_hex(4)}"


def begun_at(name: str) -> datetime | None:
    """Return when the export of a generation began, None for a name that is no generation's."""
    if not GENERATION.fullmatch(name):
        return None
    try:
        return datetime.strptime(name.split("-")[0], _BEGUN).replace(tzinfo=UTC)
    except ValueError:
        return None


def staged_name(generation: str, sha256: str) -> str:
    """Return where an export stages a file: without a suffix, so that no reader's pattern finds it."""
    return f"{STAGING}/{generation}/{sha256}"
