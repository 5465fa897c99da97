"""Tests of the package lifetime."""
