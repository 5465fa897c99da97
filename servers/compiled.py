"""The compiled lane, servers/lane/, if it was built; everything works without it.

LIFETIME_PURE_PYTHON=1 in the environment leaves it aside.
"""

from __future__ import annotations

import os
from types import ModuleType


def _find() -> ModuleType | None:
    if os.environ.get("LIFETIME_PURE_PYTHON"):
        return None
    try:
        from servers import _lane
    except ImportError:
        return None
    return _lane


lane = _find()
