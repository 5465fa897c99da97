"""Tests of lifetime.testing."""
