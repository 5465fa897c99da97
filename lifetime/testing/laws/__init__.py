"""The ten laws of a shutdown, each an object that judges a run entry by entry.

What they claim, and what they do not, is in docs/reference/laws.md.
"""

from __future__ import annotations

from lifetime.testing.laws.judge import LAWS, Judge, judge
from lifetime.testing.laws.law import Allowances, Breach, Law

__all__ = ["LAWS", "Allowances", "Breach", "Judge", "Law", "judge"]
