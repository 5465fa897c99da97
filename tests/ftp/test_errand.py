"""Which commands a session that is to end still obeys."""

from __future__ import annotations

import pytest

from servers.ftp.errand import CONNECTING, TRANSFERS, Errand, belongs


@pytest.mark.parametrize("errand", list(Errand))
@pytest.mark.parametrize("command", ["QUIT", "ABOR"])
def test_to_end_something_always_belongs(errand: Errand, command: str):
    assert belongs(command, errand)


@pytest.mark.parametrize("command", sorted(TRANSFERS | CONNECTING | {"TYPE", "REST", "SIZE"}))
def test_a_transfer_is_prepared_and_begun(command: str):
    assert belongs(command, Errand.TRANSFER)


@pytest.mark.parametrize("errand", list(Errand))
@pytest.mark.parametrize("command", ["DELE", "CWD", "RNFR", "USER", "BOGUS", ""])
def test_nothing_new_is_begun(errand: Errand, command: str):
    assert not belongs(command, errand)


def test_a_rename_is_finished_by_rnto_alone():
    assert belongs("RNTO", Errand.RENAME)
    assert not belongs("RETR", Errand.RENAME)
    assert not belongs("RNTO", Errand.TRANSFER)
