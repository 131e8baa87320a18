"""Where a program records an operation."""

from __future__ import annotations

import os
import sys

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_own_files: set[str] = set()
"""Files of this package that were seen."""
_sites: dict[tuple[str, int], tuple[str, int]] = {}
"""Each line once: thousands of steps are recorded at one."""


def user_site() -> tuple[str, int] | None:
    """File and line of the innermost frame outside this package: the line that recorded an operation."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name not in _own_files:
            if not name.startswith(_PACKAGE):
                site = name, frame.f_lineno
                return _sites.setdefault(site, site)
            _own_files.add(name)
        frame = frame.f_back  # type: ignore[assignment]
    return None
