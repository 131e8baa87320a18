"""How long groups wait."""

from __future__ import annotations

import datetime

__all__ = ["default_pg_nccl_timeout", "default_pg_timeout"]

default_pg_timeout = datetime.timedelta(minutes=30)
"""How long an operation of a group may take."""

default_pg_nccl_timeout: datetime.timedelta | None = None
"""The same for NCCL, which is not there."""
