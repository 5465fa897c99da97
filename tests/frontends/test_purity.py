"""What knows the rules of front ends has no socket and no clock."""

from __future__ import annotations

import pytest

from tests.laws.test_purity import IMPURE, imports_of


@pytest.mark.parametrize("module", ["state", "followers", "haproxy_state", "findings"])
def test_the_rules_import_no_socket_and_no_clock(module: str) -> None:
    found = imports_of(f"servers.frontends.{module}")
    assert not {name.split(".")[0] for name in found} & IMPURE
