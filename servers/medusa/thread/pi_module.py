"""medusa's pi_module: a script that takes its time, and writes while it does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

#: Digits, unless the query says how many; and how many it may ask for.
DIGITS, MOST = 1000, 5000


def main(env: dict[str, str], stdin: Any, stdout: Any) -> None:
    """Write digits of pi, fifty in a line."""
    wanted = env.get("QUERY_STRING", "")
    left = min(int(wanted), MOST) if wanted.isascii() and wanted.isdigit() else DIGITS
    stdout.write("Content-Type: text/plain\r\n\r\n")
    source = digits()
    while left > 0:
        stdout.write("".join(map(str, islice(source, min(left, 50)))) + "\r\n")
        left -= 50


def digits() -> Iterator[int]:
    """3, 1, 4, 1, 5 and so on.

    Source: J. Gibbons, "Unbounded Spigot Algorithms for the Digits of Pi" (2006), section 4.
    """
    q, r, t, k, n, j = 1, 0, 1, 1, 3, 3
    while True:
        if 4 * q + r - t < n * t:
            yield n
            q, r, n = 10 * q, 10 * (r - n * t), 10 * (3 * q + r) // t - 10 * n
        else:
            q, r, t, k, n, j = (
                q * k,
                (2 * q + r) * j,
                t * j,
                k + 1,
                (q * (7 * k + 2) + r * j) // (t * j),
                j + 2,
            )
