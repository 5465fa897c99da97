"""What a server understands behind `f`, and what it shows behind `d`."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lifetime import Patience, Phase
from lifetime.console import ECB, Console, Refusal, threads, wait_any
from lifetime.console.answers import Answer
from lifetime.console.display import seconds
from lifetime.console.server import ServerVerbs
from tests.console.operators import Callback, Operator
from tests.console.running import PATIENCE, RunningLoop


@pytest.fixture
def verbs(served: Console) -> Iterator[ServerVerbs]:
    level = logging.getLogger("lifetime").level
    yield ServerVerbs(served)
    logging.getLogger("lifetime").setLevel(level)


@pytest.mark.parametrize("text", ["greet=you", "greet you", "GREET='you'", "greet = you"])
def test_a_verb_gets_what_stands_behind_it(
    served: Console, operator: Operator, text: str
) -> None:
    served.on_modify("greet", lambda argument: f"hello {argument}")
    assert operator(f"f {text}") == (0, "hello you")


def test_a_verb_runs_in_the_thread_of_the_loop(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    threads: list[threading.Thread] = []
    served.on_modify("here", lambda argument: threads.append(threading.current_thread()))
    assert operator("f here") == (0, "")
    assert threads == [loop.thread]


def test_a_verb_that_refuses_says_why(served: Console, operator: Operator) -> None:
    def refuse(argument: str) -> None:
        raise Refusal("not on a Friday")

    served.on_modify("work", refuse)
    assert operator("f work") == (12, "not on a Friday")


def test_a_verb_that_fails_is_logged_and_answered(
    served: Console, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    served.on_modify("break", lambda argument: 1 / 0)
    assert operator("f break") == (12, "break failed: ZeroDivisionError: division by zero")
    assert "Traceback" in caplog.text


def test_a_verb_can_be_taken_away_and_the_one_before_is_there_again(
    served: Console, operator: Operator
) -> None:
    served.on_modify("x", lambda argument: "the first")
    end = served.on_modify("x", lambda argument: "the second")
    assert operator("f x") == (0, "the second")
    end()
    assert operator("f x") == (0, "the first")


def test_what_is_no_word_cannot_be_a_verb(served: Console) -> None:
    for word in ("", "two words", "a=b", "line\n"):
        with pytest.raises(ValueError, match="no word"):
            served.on_modify(word, print)
    with pytest.raises(TypeError, match="something to call"):
        served.on_modify("x", None)  # type: ignore[arg-type]


def test_an_unknown_verb_is_answered_with_those_that_are_known(
    verbs: ServerVerbs, operator: Operator
) -> None:
    assert operator("f dance") == (
        16,
        "'dance' is not understood; give one of loglevel, patience, reload, resume, withdraw",
    )


def test_a_loop_that_does_not_come_back_is_said_to_be_busy_and_does_it_no_more(
    served: Console, operator: Operator, loop: RunningLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifetime.console.verbs.LOOP_LIMIT", 0.05)
    done: list[str] = []
    served.on_modify("x", done.append)
    release = threading.Event()
    loop.life.call_soon_threadsafe(release.wait, PATIENCE)
    try:
        rc, text = operator("f x")
    finally:
        release.set()
    assert (rc, "the loop did not come to it" in text) == (8, True)
    finished = ECB()
    loop.life.call_soon_threadsafe(finished.post)
    assert wait_any([finished], PATIENCE)
    assert done == []


def test_reload_opens_the_logs_anew(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    opened: list[str] = []
    loop.life.on_reopen(lambda: opened.append("again"))
    assert operator("f reload") == (0, "log files are open anew")
    assert opened == ["again"]


def test_patience_is_changed_for_the_next_stop(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    assert operator("f patience=12.5") == (0, "one phase waits for 12.5 s at most")
    assert loop.life.patience.phase == 12.5


def test_patience_is_changed_in_the_middle_of_a_stop(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.REFUSING
    operator("p")
    assert wait_any([loop.in_phase[Phase.REFUSING]], PATIENCE)
    operator("f patience=0.05")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    assert not loop.life.report.orderly


@pytest.mark.parametrize("argument", ["", "=", "=soon", "=-1", "=inf", "=nan", "=1e99"])
def test_patience_that_is_no_time_is_refused(
    verbs: ServerVerbs, operator: Operator, argument: str
) -> None:
    rc, text = operator(f"f patience{argument}")
    assert (rc, "is not a time" in text) == (12, True)


@pytest.mark.parametrize(("level", "number"), [("debug", 10), ("WARNING", 30)])
def test_the_level_of_the_log_is_changed(
    verbs: ServerVerbs, operator: Operator, level: str, number: int
) -> None:
    assert operator(f"f loglevel={level}")[0] == 0
    assert logging.getLogger("lifetime").level == number


def test_a_level_that_is_none_is_refused(verbs: ServerVerbs, operator: Operator) -> None:
    rc, text = operator("f loglevel=loud")
    assert (rc, text.startswith("'loud' is no level")) == (12, True)


@pytest.mark.parametrize("word", ["reload", "resume"])
def test_a_verb_without_arguments_takes_none(
    verbs: ServerVerbs, operator: Operator, word: str
) -> None:
    assert operator(f"f {word}=now")[0] == 12


def test_withdrawn_is_phase_1_until_it_is_resumed(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    before = loop.life.patience
    assert operator("f withdraw")[0] == 0
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    loop.settle()
    assert "held for 0.0 s by operator: the service is withdrawn" in operator("d")[1]
    assert operator("f resume") == (0, "serving on")
    assert wait_any([loop.in_phase[Phase.RUNNING]], PATIENCE)
    assert operator("f resume") == (4, "it is running")
    assert loop.life.patience == before
    assert len(loop.life.map) == 1  # the member; nothing of the withdrawal


def test_a_stop_ends_a_withdrawal(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    operator("f withdraw")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    assert operator("p") == (0, "stopping")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    assert loop.life.report.orderly


def test_a_withdrawal_ends_by_itself_when_its_time_is_over(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    operator("f withdraw=0.05")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    assert loop.life.report.orderly


def test_withdrawn_is_no_stop_and_commands_go_on(
    verbs: ServerVerbs, served: Console, operator: Operator, loop: RunningLoop
) -> None:
    called = Callback()
    served.acb(called)
    operator("f withdraw")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    assert operator("d")[1].startswith("demo is withdrawn")
    operator("f resume")
    assert wait_any([loop.in_phase[Phase.RUNNING]], PATIENCE)
    assert operator("f hello")[0] == 0
    assert called.data == ["hello"]


def test_a_stop_by_a_signal_in_a_withdrawal_is_told_to_every_handle(
    verbs: ServerVerbs, served: Console, operator: Operator, loop: RunningLoop
) -> None:
    called = Callback()
    served.acb(called)
    operator("f withdraw")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    assert not served.token.posted
    loop.life.call_soon_threadsafe(loop.life.request_stop)
    assert wait_any([called.called], PATIENCE)
    assert called.qedits[0]["verb"] == "Stop"
    assert served.token.posted


def test_patience_that_is_changed_in_a_withdrawal_outlasts_it(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    operator("f withdraw")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    operator("f patience=7")
    operator("f resume")
    assert wait_any([loop.in_phase[Phase.RUNNING]], PATIENCE)
    assert loop.life.patience == Patience(phase=7.0)


def test_a_verb_that_leaves_by_system_exit_is_answered(served: Console) -> None:
    class Loop:
        """Calls at once, so that what comes out of it can be seen."""

        def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
            with pytest.raises(SystemExit):
                callback(*args)

    answers: list[object] = []
    served.on_modify("leave", lambda argument: leave())
    found = served.verbs.find("leave")
    assert found is not None
    answer = Answer(lambda rc, lines: answers.append((rc, lines)))
    served.verbs.call(*found, answer, Loop(), threads.waiter)
    assert answers == [(12, ["leave has left by SystemExit"])]


def test_a_withdrawal_outlasts_the_deadline_which_is_counted_from_its_end(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    loop.life.patience = Patience(deadline=0.2)
    operator("f withdraw")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    time.sleep(0.3)
    assert loop.life.phase is Phase.WITHDRAWING
    loop.member.holds = Phase.DRAINING
    began = time.monotonic()
    operator("p")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    assert 0.15 < time.monotonic() - began < 1.5


def test_a_service_cannot_be_withdrawn_while_it_stops(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.WITHDRAWING
    operator("p")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    assert operator("f withdraw") == (4, "it is in phase 1 already")


def test_resume_behind_phase_1_is_too_late(
    verbs: ServerVerbs, operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.DRAINING
    operator("p")
    assert wait_any([loop.in_phase[Phase.DRAINING]], PATIENCE)
    rc, text = operator("f resume")
    assert (rc, "phase 1 only" in text) == (12, True)


def test_a_stop_that_the_loop_has_not_come_to_yet_is_known_to_the_next_operator(
    operator: Operator, loop: RunningLoop
) -> None:
    release = threading.Event()
    loop.life.call_soon_threadsafe(release.wait, PATIENCE)
    try:
        assert [operator("p")[0], operator("p")[0]] == [0, 4]
    finally:
        release.set()


class Unspeakable:
    def __repr__(self) -> str:
        raise ValueError("no words")


def leave() -> dict[str, object]:
    raise SystemExit(3)


@pytest.mark.parametrize("how", ["d", "d --json"])
@pytest.mark.parametrize(
    "section",
    [
        lambda: None,
        lambda: {(1, 2): 3},
        lambda: {"deep": {(1, 2): 3}},
        lambda: {"object": Unspeakable()},
        leave,
    ],
)
def test_a_section_that_cannot_be_shown_hides_no_other_and_deafens_nobody(
    served: Console, operator: Operator, section: Callable[[], dict[str, object]], how: str
) -> None:
    served.on_display(section)
    served.on_display(lambda: {"good": "one"})
    rc, text = operator(how)
    assert (rc, "error" in text, "good" in text) == (0, True, True)


def test_a_display_that_is_too_long_for_json_is_refused(
    served: Console, operator: Operator
) -> None:
    served.on_display(lambda: {"long": "x" * 300_000})
    assert operator("d --json")[0] == 12
    assert operator("d")[0] == 0


def test_force_skips_the_phase_that_is_held(
    operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.WITHDRAWING
    operator("p")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    assert operator("p force") == (4, "stopping already; this counts as one more request")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    assert loop.life.report.phases[0].left == "patience ran out"
    assert loop.life.report.phases[0].seconds < 1.0


def test_force_from_the_beginning_holds_for_nobody(operator: Operator, loop: RunningLoop) -> None:
    loop.member.holds = Phase.WITHDRAWING
    assert operator("p force") == (0, "stopping")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    assert loop.life.report.phases[0].seconds < 0.5


def test_the_third_request_ends_at_once(operator: Operator, loop: RunningLoop) -> None:
    loop.member.holds = Phase.DRAINING
    for _ in range(3):
        operator("p")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    assert loop.life.report.phases[-1].left == "asked to end at once"


def test_the_display_says_where_it_stands(operator: Operator, loop: RunningLoop) -> None:
    first, phase, uptime = operator("d")[1].splitlines()
    assert first.startswith("demo is running, process ")
    assert phase.startswith("phase 0 running for 0.")
    assert uptime.startswith("uptime 0.")


def test_the_display_names_who_holds_it_why_and_for_how_long(
    operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.REFUSING
    operator("p")
    assert wait_any([loop.in_phase[Phase.REFUSING]], PATIENCE)
    loop.settle()
    text = operator("d")[1]
    assert "demo is stopping" in text
    assert "s of patience left" in text
    assert "by member: busy with it" in text


def test_the_display_is_json_on_request(operator: Operator, served: Console) -> None:
    served.on_display(lambda: {"requests": 3, "pid": "not replaced"})
    rc, text = operator("d --json")
    shown = json.loads(text)
    assert rc == 0
    assert (shown["name"], shown["phase"], shown["phase_name"]) == ("demo", 0, "running")
    assert (shown["held_by"], shown["stuck"], shown["requests"]) == ([], False, 3)
    assert isinstance(shown["pid"], int)


def test_what_an_application_adds_is_shown_in_words(operator: Operator, served: Console) -> None:
    end = served.on_display(lambda: {"open_files": {"read": 1, "written": 2}, "names": ["a", "b"]})
    assert operator("d")[1].splitlines()[-2:] == ["open files read 1, written 2", "names a, b"]
    end()
    assert "open files" not in operator("d")[1]


def test_a_part_of_the_display_that_fails_hides_no_other(
    operator: Operator, served: Console, caplog: pytest.LogCaptureFixture
) -> None:
    served.on_display(lambda: {}[1])  # type: ignore[misc]
    served.on_display(lambda: {"well": True})
    assert operator("d")[1].splitlines()[-2:] == ["error KeyError: 1", "well yes"]
    assert "a part of the display failed" in caplog.text


def test_the_display_says_who_asked_for_the_stop_first(
    operator: Operator, loop: RunningLoop
) -> None:
    """C6."""
    loop.member.holds = Phase.WITHDRAWING
    operator("p")
    operator("p")
    assert "stop asked reason stop by operator (socket), requests 2" in operator("d")[1]


def test_a_loop_that_does_not_come_back_is_shown(
    operator: Operator, loop: RunningLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C13."""
    monkeypatch.setattr(loop.life, "stuck_after", 0.02)
    release = threading.Event()
    loop.life.call_soon_threadsafe(release.wait, PATIENCE)
    time.sleep(0.05)
    try:
        assert "the loop does not come back from a handler" in operator("d")[1]
    finally:
        release.set()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0.0 s"),
        (59.94, "59.9 s"),
        (60.0, "1 min 0 s"),
        (3599.0, "59 min 59 s"),
        (7384.0, "2 h 3 min"),
        (90000.0, "1 d 1 h"),
    ],
)
def test_a_duration_is_said_as_a_person_says_it(value: float, words: str) -> None:
    assert seconds(value) == words
