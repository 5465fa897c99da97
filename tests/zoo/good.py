"""Servers and dispatchers that are right, the bundled ones among them."""

from __future__ import annotations
