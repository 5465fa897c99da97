"""asyncore, wherever this Python has it.

The standard library's up to Python 3.11, the distribution pyasyncore from 3.12 on; the names and
`socket_map` are the same objects that a plain `import asyncore` gives.  Only this file imports it.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # 3.10 and 3.11 announce that asyncore will go; that is why this project has it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from asyncore import ExitNow, dispatcher, socket_map

__all__ = ["ExitNow", "dispatcher", "socket_map"]
