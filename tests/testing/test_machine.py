"""PhaseOrderMachine, subclassed with rules of one's own, finds a planted bug and passes without."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import rule, run_state_machine_as_test

from lifetime import Veto
from lifetime.testing import LawBroken, PhaseOrderMachine, Scenario, Stop, World, replay
from tests.testing.small import Member, member

FEW = settings(
    max_examples=25,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Table(Member):
    """It can be locked; then it vetoes until somebody unlocks it."""

    locked = False
    patience = 3.0

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == 3 and self.locked and time_in_phase < self.patience:
            return Veto("the table is locked")
        return super().clean_shutdown_control(phase, time_in_phase)


class LockingMachine(PhaseOrderMachine):
    """Somebody locks and unlocks the table."""

    table_class: type[Table] = Table

    def make_server(self, world: World) -> Table:
        self.table = self.table_class(world)
        return self.table

    @rule()
    def somebody_locks_the_table(self) -> None:
        self.table.locked = True


class Forgetful(Table):
    """Nothing ever unlocks it."""

    patience = 1e9


class ForgetfulMachine(LockingMachine):
    table_class = Forgetful


def test_a_good_one_passes() -> None:
    run_state_machine_as_test(LockingMachine, settings=FEW)


def test_a_planted_bug_is_found() -> None:
    with pytest.raises(LawBroken) as caught:
        run_state_machine_as_test(ForgetfulMachine, settings=FEW)
    assert caught.value.law == 7
    assert "the table is locked" in str(caught.value)


def test_the_report_names_a_factory_that_can_be_replayed() -> None:
    with pytest.raises(LawBroken) as caught:
        run_state_machine_as_test(ForgetfulMachine, settings=FEW)
    assert "import ForgetfulMachine" in str(caught.value)
    assert "replay(ForgetfulMachine.factory," in str(caught.value)
    assert replay(ForgetfulMachine.factory, Scenario((Stop(),))).breach is None


def test_only_its_laws_count() -> None:
    class Lenient(ForgetfulMachine):
        laws = (1, 2)

    run_state_machine_as_test(Lenient, settings=settings(FEW, max_examples=5))


def test_a_machine_without_a_server_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="make_server"):
        run_state_machine_as_test(PhaseOrderMachine, settings=settings(FEW, max_examples=1))


def test_it_is_an_ordinary_state_machine() -> None:
    class Simple(PhaseOrderMachine):
        def make_server(self, world: World) -> object:
            return member(world)

    assert Simple.TestCase is not None
