"""Tests, as packages, so that one may use another's tools."""
