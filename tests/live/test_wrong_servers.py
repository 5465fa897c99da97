"""Each wrong server is found, and told by the right law."""

import pytest

from lifetime.testing.live.outcome import Scene
from tests.live.spoilt import broken, stopped

UNDER_LOAD = {
    "DropsTheAcceptQueue": {"5"},
    "AcceptsAndDropsNewcomers": {"5"},
    "LosesPipelinedRequests": {"5"},
    "ClosesBehindAnUnannouncedAnswer": {"5"},
    "ClosesWithUnsentBytes": {"5", "6"},
    "CutsAnswersThatOnlyTheEndDelimits": {"5", "6"},
    "ResetsThoseInFlight": {"5", "6"},
    "ForgetsHalfAHead": {"5"},
    "ForgetsUploads": {"5"},
    "AnswersTwice": {"5"},
    "AnswersSomethingElse": {"5"},
    "AnswersWithAnError": {"5"},
    "ListensAgain": {"5"},
    "CrashesAtTheSignal": {"5", "6", "exit status"},
    "WaitsForTheIdle": {"7"},
}

IDLE = {
    "IgnoresTheSignal": {"7"},
    "NeverExits": {"7"},
    "LeavesAChild": {"9"},
    "LeavesADaemon": {"9"},
    "LeavesAChildThatListens": {"9"},
    "SaysItFailed": {"exit status"},
}


@pytest.mark.parametrize(("name", "laws"), UNDER_LOAD.items(), ids=UNDER_LOAD)
def test_a_stop_under_load_shows(name: str, laws: set[str]) -> None:
    found = broken(stopped(name, Scene.LOAD))
    assert set(found) == laws, found


@pytest.mark.parametrize(("name", "laws"), IDLE.items(), ids=IDLE)
def test_a_stop_while_idle_shows(name: str, laws: set[str]) -> None:
    found = broken(stopped(name, Scene.IDLE))
    assert set(found) == laws, found


def test_a_stop_with_one_slow_request_shows_who_resets_it() -> None:
    assert set(broken(stopped("ResetsThoseInFlight", Scene.BUSY))) == {"5", "6"}


def test_a_stop_with_one_slow_request_shows_who_does_not_leave_behind_it() -> None:
    assert set(broken(stopped("ExitsLate", Scene.BUSY))) == {"7"}


def test_asking_twice_shows_who_does_not_hurry() -> None:
    assert set(broken(stopped("IgnoresTheSecondSignal", Scene.TWICE))) == {"second signal"}


@pytest.mark.parametrize("scene", Scene)
def test_a_server_that_does_nothing_wrong_is_not_blamed(scene: Scene) -> None:
    assert not broken(stopped("", scene))


def test_a_server_that_refuses_visibly_is_not_blamed() -> None:
    assert not broken(stopped("RefusesVisibly", Scene.LOAD))
