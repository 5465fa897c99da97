"""A run told to people: what a story says, and what it leaves out."""

from __future__ import annotations

from hypothesis import given

from lifetime.testing.events import Connect, HangUp, Hold, Scenario, Send, SetClock, Stop, Weather
from lifetime.testing.laws import Breach
from lifetime.testing.telling.steps import FEWEST, LINES, WIDTH
from lifetime.testing.telling.story import story
from lifetime.testing.trace import Did, Entry
from tests.testing.traces import ENTRIES, Run

BREACH = Breach(7, "Channel 1 vetoed phase 3 until its patience was over; it should let go.", 30.1)


TOLD = """\
Law 7 is broken, at 30.1 s:
  Channel 1 vetoed phase 3 until its patience was over; it should let go.

Conditions: bytes travel for 0.05 s.

      seconds  phase
  ·     0.000    0    the server is set up
                        Listener 1 joins the map
  1     0.000    0    client 1 connects and sends GET /slow
                        Listener 1 accepts client 1
                        Channel 1 joins the map and reads 36 bytes from client 1
  2     0.100    0    the operator asks for a stop, by a signal
                 3      the loop enters phase 3 (draining, at most 30 s)
                        Listener 1 leaves the map and agrees to leave phase 3
                        Channel 1 VETOES phase 3: answering GET /slow (29 times more, until 29.100)
       30.100    4      the loop leaves phase 3, out of patience with Channel 1 (answering GET
                          /slow), and enters phase 4 (terminated)
                        Channel 1 leaves the map and closes the connection of client 1, while
                          WORKING on a request
                        the loop returns by force, with exit code 0
                        client 1 finds its connection closed, GET /slow UNANSWERED, and nothing had
                          announced it
                      *** law 7 is broken here ***
"""


def rows_of(run: Run, *events: object, breach: Breach | None = None) -> list[str]:
    """The lines of a run's story, without indents, times and phases."""
    text = story(Scenario(events=events), run.trace, breach)  # type: ignore[arg-type]
    return [line[21:].strip() for line in text.splitlines()]


def served() -> Run:
    """A listener, and a client whose request a channel has read."""
    run = Run().joins("Listener 1").event().connects().requests(name="GET /slow")
    return run.accepts("Listener 1", "Channel 1").reads("Channel 1")


def test_a_story_reads_from_the_broken_law_to_the_place_where_it_was_broken() -> None:
    run = served().later(0.1).event().stop().enters(3).leaves("Listener 1").asked("Listener 1")
    run.times(30, lambda run: run.asked("Channel 1", veto="answering GET /slow").later(1.0))
    run.enters(4).closes("Channel 1", working=True).ended(orderly=False)
    run.finds_closed(owed=1, untold=True)
    scenario = Scenario(events=(Send(), Stop(after=0.1)), weather=Weather(delay=0.05))
    assert story(scenario, run.trace, BREACH) == TOLD


def test_a_run_that_breaks_nothing_says_so() -> None:
    assert story(Scenario(), Run().trace, None).startswith("No law was broken.\n")


def test_the_place_of_the_breach_is_marked_also_if_the_run_went_on() -> None:
    run = Run().joins("Channel 1").later(2.0).leaves("Channel 1").later(2.0).ended()
    rows = rows_of(run, breach=Breach(8, "Somebody was wronged.", 2.0))
    assert rows[-3:] == [
        "Channel 1 leaves the map",
        "*** law 8 is broken here ***",
        "the loop returns in good order, with exit code 0",
    ]


def test_a_wait_is_told_where_it_was_wrong_and_nowhere_else() -> None:
    run = Run().joins("a 1").later(1.0).enters(1).asked("a 1").later(1.0)
    told = rows_of(run, breach=Breach(4, "the loop went to wait; nobody vetoed.", 1.0))
    assert told[-2:] == ["the loop goes to wait for 1 s", "*** law 4 is broken here ***"]
    assert " ".join(told).count("goes to wait") == 1


def test_an_event_of_which_nothing_comes_is_told_by_what_it_was_meant_to_do() -> None:
    assert "client 3 is to read no more" in rows_of(Run().event(), Hold(client=3))


def test_events_that_did_not_come_are_counted() -> None:
    text = story(Scenario(events=(Send(), Stop(), HangUp())), served().trace, None)
    assert text.endswith("\nThe run ended too early for 2 events of the scenario.\n")


def test_the_stop_with_which_the_harness_ends_a_run_is_told_apart_from_the_scenarios() -> None:
    told = rows_of(Run().event().stop(by="thread").undo().stop(), Stop())
    assert "the operator asks for a stop, from another thread and takes the stop back" in told
    assert "the operator asks for a stop, by a signal (the harness ends every run so)" in told


def test_an_event_that_the_factory_has_added_is_told_too() -> None:
    assert "client 1 connects" in " ".join(rows_of(Run().event().connects()))


def test_what_was_left_open_is_told_at_the_end() -> None:
    run = served().event().stop().enters(3).asked("Channel 1", veto="answering")
    text = story(Scenario(events=(Send(), Stop())), run.trace, None)
    assert "Left open at the end: Channel 1 vetoes phase 3 and GET /slow is not answered." in text


def test_a_veto_that_came_back_is_told_again() -> None:
    run = Run().joins("a 1").enters(3).asked("a 1", veto="x").later(1.0).asked("a 1").later(1.0)
    told = rows_of(run.asked("a 1", veto="x"))
    assert told.count("a 1 VETOES phase 3: x") == 2


def test_a_veto_for_another_reason_is_told_again() -> None:
    run = Run().joins("a 1").enters(3).asked("a 1", veto="x").later(1.0).asked("a 1", veto="y")
    told = rows_of(run)
    assert ("a 1 VETOES phase 3: x" in told, "a 1 VETOES phase 3: y" in told) == (True, True)


def test_whoever_goes_on_agreeing_is_told_once_and_not_counted() -> None:
    run = Run().joins("a 1").enters(3).times(9, lambda run: run.asked("a 1").later(1.0))
    assert rows_of(run)[-1] == "a 1 agrees to leave phase 3"


def test_those_who_do_the_same_share_a_line() -> None:
    told = rows_of(Run().joins("a 1", "a 2", "b 1").enters(1).asked("a 1", "a 2", "b 1"))
    assert "a 1, a 2 and b 1 agree to leave phase 1" in told


def test_of_many_who_do_the_same_some_are_named_and_the_others_counted() -> None:
    told = " ".join(rows_of(Run().joins(*[f"a {number}" for number in range(20)])))
    assert "a 0, a 1, a 2, a 3, a 4 and 15 others join the map" in told


def test_a_question_about_another_phase_says_so() -> None:
    told = rows_of(Run().joins("a 1").enters(3).asked("a 1", phase=2))
    assert "a 1 agrees to leave phase 2 (in phase 3)" in told


def test_leaving_a_phase_against_a_veto_before_patience_ends_is_remarkable() -> None:
    run = Run().joins("a 1").enters(2).asked("a 1", veto="busy").later(1.0).enters(3)
    told = " ".join(rows_of(run))
    assert "the loop leaves phase 2, IN SPITE OF the veto of a 1 (busy), and enters phase 3" in told


def test_who_closes_itself_when_asked_holds_nobody_whatever_it_answers() -> None:
    run = Run().joins("a 1").enters(2).leaves("a 1").asked("a 1", veto="busy").later(1.0).enters(3)
    assert "IN SPITE OF" not in " ".join(rows_of(run))


def test_an_exception_in_a_hook_is_told_with_its_words() -> None:
    told = rows_of(Run().joins("a 1").enters(2).asked("a 1", raised="ValueError: no"))
    assert "a 1 RAISES when asked about phase 2: ValueError: no" in told


def test_portions_of_one_answer_are_added_up() -> None:
    run = served().times(3, lambda run: run.writes("Channel 1", size=100).later(0.5))
    told = " ".join(rows_of(run, Send()))
    assert "sends 300 bytes to client 1 (in 3 portions, until 1.000)" in told


def test_what_is_sent_behind_an_answer_is_not_added_to_it() -> None:
    run = served().writes("Channel 1").later(1.0).answered().later(1.0).writes("Channel 1")
    told = " ".join(rows_of(run, Send()))
    assert told.count("sends 120 bytes to client 1") == 2


def test_a_timer_that_fires_again_behind_something_else_is_told_again() -> None:
    run = served()
    for _ in range(2):
        run.later(1.0).add("loop", Did.TIMER, name="answer").writes("Channel 1").answered()
    assert rows_of(run, Send()).count("the loop lets answer fire") == 2


def test_a_timer_that_fires_all_the_time_is_counted() -> None:
    run = Run().times(50, lambda run: run.add("loop", Did.TIMER, name="tick").later(1.0))
    assert rows_of(run)[-1] == "the loop lets tick fire (49 times more, until 49.000)"


def test_a_request_sent_in_two_parts_is_told_in_two_parts() -> None:
    run = Run().event().connects().begins(name="GET /").later(1.0).event().requests(name="GET /")
    told = rows_of(run, Send(), Send())
    assert "client 1 connects and sends the beginning of GET /" in told
    assert "client 1 sends the rest of GET /" in told


def test_the_connections_of_a_client_that_has_had_several_are_numbered() -> None:
    run = served().hangs_up().event().connects().accepts("Listener 1", "Channel 2")
    told = rows_of(run, Send(), Connect())
    assert "Listener 1 accepts client 1 (its connection 1)" in told
    assert "Listener 1 accepts client 1 (its connection 2)" in told


def test_bystanders_to_whom_nothing_happens_are_left_out() -> None:
    run = Run().joins("Bystander 1", own=False).enters(1).asked("Bystander 1")
    assert "Bystander" not in story(Scenario(), run.trace, None)


def test_a_bystander_of_whom_the_breach_speaks_is_told_of() -> None:
    run = Run().joins("Bystander 1", own=False).enters(1)
    told = rows_of(run, breach=Breach(8, "Bystander 1 was not asked in phase 1.", 0.0))
    assert "Bystander 1 joins the map, put there by the harness" in told


def test_a_bystander_that_was_removed_by_somebody_else_is_told_of() -> None:
    run = Run().joins("Bystander 1", own=False).leaves("Bystander 1", removed_by="Bully 1")
    assert "is REMOVED from the map by Bully 1" in " ".join(rows_of(run))


def test_the_conditions_are_told_where_they_are_not_the_best() -> None:
    weather = Weather(0.5, 1, 9, short_writes=True, spurious=True, filtered=True, wall_speed=-1.0)
    told = story(Scenario(weather=weather), Run().trace, None).replace("\n", " ")
    assert (
        "Conditions: bytes travel for 0.5 s, they arrive in portions of at most 1 byte, a socket "
        "takes 9 bytes before it would block, a socket takes half of what it is given, a socket is "
        "sometimes called ready in vain, listeners can keep new connections away, the wall clock "
        "goes -1 s in a second."
    ) in told


def test_a_clock_set_back_is_an_event_of_its_own() -> None:
    run = Run().event().add("world", Did.CLOCK, seconds=-3600.0)
    told = rows_of(run, SetClock())
    assert "the wall clock is to be set" not in told
    assert "somebody sets the wall clock back by 3600 s" in told


def test_words_of_others_stay_on_one_line_and_are_cut() -> None:
    run = Run().joins("a 1").enters(2).asked("a 1", veto="one\ntwo\x1b[31m" + "x" * 500)
    text = story(Scenario(), run.trace, None)
    assert ("\x1b" in text, "one?two?[31mxx" in text, "x" * 100 in text) == (False, True, False)


def crowded(count: int) -> Run:
    """So many entries that no two of them can be told together."""
    run = Run().enters(2).event()
    for number in range(count):
        run.later(0.1).joins(f"Channel {number}").later(0.1).leaves(f"Channel {number}")
    return run


def test_a_long_story_leaves_out_the_middle_and_says_so() -> None:
    text = story(Scenario(events=(Hold(),)), crowded(500).trace, None)
    assert len(text.splitlines()) < LINES + 10
    assert "… 901 lines left out, " in text


def test_a_phase_that_begins_in_the_middle_is_not_left_out() -> None:
    run = crowded(300).enters(3)
    for number in range(300):
        run.later(0.1).joins(f"Late {number}")
    text = story(Scenario(events=(Hold(),)), run.trace, None)
    assert "the loop enters phase 3" in text


def test_however_many_the_events_each_has_its_line() -> None:
    run = Run()
    for _ in range(40):
        run.event().later(0.1).times(20, lambda run: run.later(0.1).add("x 1", Did.LEAK, kind="k"))
    text = story(Scenario(events=(Hold(),) * 40), run.trace, None)
    assert [f"\n{number:>3} " in text for number in range(1, 41)] == [True] * 40
    assert len(text.splitlines()) <= 40 * (FEWEST + 2) + 5


def test_no_line_is_too_long() -> None:
    name = "Name" * 20
    run = Run().joins(f"{name} 1", f"{name} 2").enters(1).asked(f"{name} 1", veto="words " * 50)
    breach = Breach(7, f"{name} 1 " + "was wrong " * 60, 0.0)
    text = story(Scenario(), run.trace, breach)
    assert max(map(len, text.splitlines())) <= WIDTH


def test_an_error_is_told_to_its_end() -> None:
    told = f"uncaptured python exception, closing channel <{'x' * 80}> (TypeError: no such thing)"
    run = Run().add("the server", Did.LOG, level="PRINT", text=told)
    assert "(TypeError: no such thing)" in " ".join(rows_of(run))


def test_the_same_run_gives_the_same_story() -> None:
    assert story(Scenario((Send(),)), served().trace, None) == story(
        Scenario((Send(),)), served().trace, None
    )


def test_everything_that_can_happen_can_be_told_without_its_details() -> None:
    entries = [Entry(0.0, 0, "somebody", did, {"to": 1, "number": 0}) for did in Did]
    assert "somebody" in story(Scenario(), entries, None)


@given(ENTRIES)
def test_whatever_has_happened_makes_a_story_of_printable_lines(entries: list[Entry]) -> None:
    lines = story(Scenario((Send(), Stop())), entries, BREACH).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert all(line.isprintable() for line in lines)
