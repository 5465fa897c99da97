"""What a stop means for FTP: what was begun is finished, and everybody else is told 421."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lifetime import EXIT_FORCED, Patience, Phase
from servers.ftp import FTPLimits
from tests.ftp.conftest import Served
from tests.ftp.control import address_in, read_all

GOODBYE = "421 The server is shutting down; this connection is closed."

#: Long enough for whatever a test does in it.
PATIENT = FTPLimits(quiet_time=20.0)


def refused(address: tuple[str, int]) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as sock:
        return sock.connect_ex(address) != 0


# -- idle sessions -----------------------------------------------------------------------------


def test_an_idle_session_is_told_and_closed_at_once(served: Served):
    control = served.log_in()
    served.lifetime.shutdown()
    assert control.read_to_end() == f"{GOODBYE}\r\n".encode()
    assert served.ended().orderly
    assert sum(phase.seconds for phase in served.lifetime.report.phases) < 1.0


def test_who_is_silent_is_not_waited_for(serve):
    served = serve(limits=FTPLimits(linger_time=0.0))
    control = served.log_in()
    served.lifetime.shutdown()
    assert control.reply() == GOODBYE
    assert served.ended().orderly


def test_who_has_just_spoken_is_heard_out(serve):
    served = serve(limits=FTPLimits(linger_time=20.0))
    control = served.log_in()
    served.lifetime.shutdown()
    assert control.reply() == GOODBYE
    control.send("NOOP", "NOOP")  # a reset would take the 421 back, had it not been read
    control.read_to_end()
    assert served.ended().orderly


def test_who_talks_on_without_end_is_not_heard_out(serve):
    served = serve(limits=FTPLimits(linger_time=20.0, linger_bytes=1000))
    control = served.log_in()
    served.lifetime.shutdown()
    assert control.reply() == GOODBYE
    with pytest.raises(ConnectionError):
        while True:
            control.send_raw(b"x" * 1000)
    assert served.ended().orderly


def test_a_session_that_has_not_logged_in_is_told_as_well(served: Served):
    control = served.connect()
    control.ask("USER ann")
    served.lifetime.shutdown()
    assert control.reply() == GOODBYE
    served.ended()


def test_a_session_that_waits_for_its_wrong_password_is_told_as_well(serve):
    served = serve(limits=FTPLimits(login_delay=60.0))
    control = served.connect()
    control.ask("USER ann")
    control.send("PASS wrong")
    served.in_loop(lambda: None)
    served.lifetime.shutdown()
    assert control.reply() == GOODBYE
    served.ended()


@pytest.mark.parametrize("phase", [Phase.WITHDRAWING, Phase.REFUSING])
def test_before_phase_3_commands_are_answered(served: Served, phase: Phase):
    control = served.log_in()
    served.stop(phase)
    assert control.ask("PWD") == '257 "/" is the current directory.'


def test_in_phase_1_a_whole_transfer_is_served(served: Served):
    control = served.log_in()
    served.stop(Phase.WITHDRAWING)
    data = control.passive()
    assert control.ask("RETR a.txt").startswith(("125 ", "150 "))
    assert read_all(data) == b"hello\n"
    assert control.reply() == "226 Transfer complete."


def test_in_phase_2_nobody_begins_to_listen(served: Served):
    control = served.log_in()
    served.stop(Phase.REFUSING)
    assert control.ask("PASV") == GOODBYE
    assert control.read_to_end() == b""


def test_a_command_that_is_on_its_way_is_answered_before_the_end(served: Served):
    control = served.log_in()

    def send_and_stop() -> None:  # it is in our socket when phase 3 is told of
        control.send("NOOP")
        served.lifetime.shutdown()

    served.in_loop(send_and_stop)
    assert control.reply() in {"200 I successfully did nothing'.", GOODBYE}
    control.read_to_end()
    assert served.ended().orderly


def test_who_is_found_in_the_accept_queue_is_greeted_with_421(served: Served):
    served.stop(Phase.REFUSING)
    with socket.create_server(("127.0.0.1", 0)) as queue:
        client = socket.create_connection(queue.getsockname(), 10.0)
        accepted, address = queue.accept()
    accepted.setblocking(False)
    served.in_loop(lambda: served.listener.make_channel(accepted, address))
    with client:
        assert read_all(client) == f"{GOODBYE}\r\n".encode()


# -- transfers in flight -----------------------------------------------------------------------


def test_a_download_in_flight_is_finished(served: Served, folder: Path):
    control = served.log_in()
    data = control.passive()
    assert control.ask("RETR large.bin").startswith(("125 ", "150 "))
    first = data.recv(1000)
    served.stop(Phase.DRAINING).release()
    assert first + read_all(data) == (folder / "large.bin").read_bytes()
    assert control.reply() == "226 Transfer complete."
    assert control.reply() == GOODBYE
    assert control.read_to_end() == b""
    report = served.ended()
    assert report.orderly
    assert report.tally.finished == 1


def test_an_upload_in_flight_is_finished(served: Served, folder: Path):
    control = served.log_in()
    data = control.passive()
    assert control.ask("STOR up.bin").startswith(("125 ", "150 "))
    data.sendall(b"one ")
    served.stop(Phase.DRAINING).release()
    data.sendall(b"two")
    data.close()
    assert control.reply() == "226 Transfer complete."
    assert control.reply() == GOODBYE
    assert (folder / "up.bin").read_bytes() == b"one two"
    assert served.ended().orderly


def test_a_command_that_waits_for_its_data_connection_is_served(served: Served):
    control = served.log_in()
    address = control.passive_address()
    assert control.ask("RETR a.txt").startswith("150 ")
    served.stop(Phase.REFUSING).release()
    data = control.adopt(socket.create_connection(address, 10.0))
    assert read_all(data) == b"hello\n"
    assert control.reply() == "226 Transfer complete."
    assert control.reply() == GOODBYE
    assert served.ended().orderly


def test_commands_are_answered_while_a_transfer_is_in_flight(served: Served):
    control = served.log_in()
    data = control.passive()
    assert control.ask("STOR up.bin").startswith(("125 ", "150 "))
    served.stop(Phase.DRAINING)
    assert control.ask("NOOP").startswith("200 ")
    data.close()
    assert control.reply() == "226 Transfer complete."


def test_what_waits_behind_a_transfer_is_refused_visibly(served: Served):
    control = served.log_in()
    data = control.passive()
    control.send("STOR up.bin", "DELE up.bin")
    assert control.reply().startswith(("125 ", "150 "))
    served.stop(Phase.DRAINING)
    data.close()
    assert control.reply() == "226 Transfer complete."
    assert control.reply() == GOODBYE
    assert control.read_to_end() == b""


def test_quit_behind_a_transfer_is_a_goodbye_of_its_own(served: Served):
    control = served.log_in()
    data = control.passive()
    assert control.ask("STOR up.bin").startswith(("125 ", "150 "))
    served.stop(Phase.DRAINING).release()
    assert control.ask("QUIT").startswith("221 ")
    data.sendall(b"all")
    data.close()
    assert control.read_to_end() == b"226 Transfer complete.\r\n"
    assert served.ended().orderly


# -- between commands that belong together -----------------------------------------------------


def test_a_rename_that_was_begun_is_finished(serve, folder: Path):
    served = serve(limits=PATIENT)
    control = served.log_in()
    assert control.ask("RNFR a.txt").startswith("350 ")
    served.stop(Phase.DRAINING).release()
    assert control.ask("RNTO b.txt") == "250 Renaming ok."
    assert control.reply() == GOODBYE
    assert (folder / "b.txt").exists()
    assert served.ended().orderly


def test_a_transfer_that_was_prepared_is_served(serve):
    served = serve(limits=PATIENT)
    control = served.log_in()
    address = control.passive_address()
    served.stop(Phase.REFUSING).release()
    data = control.adopt(socket.create_connection(address, 10.0))
    assert control.ask("RETR a.txt").startswith(("125 ", "150 "))
    assert read_all(data) == b"hello\n"
    assert control.reply() == "226 Transfer complete."
    assert control.reply() == GOODBYE
    assert served.ended().orderly


def test_behind_rest_even_pasv_is_served(serve):
    served = serve(limits=PATIENT)
    control = served.log_in()
    assert control.ask("REST 2").startswith("350 ")
    served.stop(Phase.DRAINING).release()
    data = control.adopt(socket.create_connection(address_in(control.ask("PASV")), 10.0))
    assert control.ask("RETR a.txt").startswith(("125 ", "150 "))
    assert read_all(data) == b"llo\n"
    assert control.reply() == "226 Transfer complete."
    assert served.ended().orderly


def test_what_does_not_belong_to_it_is_refused(serve, folder: Path):
    served = serve(limits=PATIENT)
    control = served.log_in()
    assert control.ask("RNFR a.txt").startswith("350 ")
    served.stop(Phase.DRAINING)
    assert control.ask("DELE a.txt") == GOODBYE
    assert (folder / "a.txt").exists()


def test_the_moment_between_two_commands_is_short(served: Served):
    control = served.log_in()
    assert control.ask("RNFR a.txt").startswith("350 ")
    served.lifetime.shutdown()
    assert control.reply() == GOODBYE
    report = served.ended()
    assert report.orderly
    assert [veto.reason for veto in report.vetoes if veto.phase == 3] == ["between RNFR and RNTO"]


def test_a_port_that_nobody_connects_to_is_closed_in_phase_2(served: Served):
    control = served.log_in()
    address = control.passive_address()
    hold = served.stop(Phase.DRAINING)
    assert refused(address)
    hold.release()
    assert control.reply() == GOODBYE


# -- when patience ends ------------------------------------------------------------------------


def test_a_download_that_outlasts_patience_looks_broken(serve):
    served = serve(patience=Patience(phase=0.2, fast=0.2))
    control = served.log_in()
    data = control.passive()
    assert control.ask("RETR large.bin").startswith(("125 ", "150 "))
    served.lifetime.shutdown()
    assert control.reply() == "426 The server ends; transfer aborted."
    assert control.reply() == GOODBYE
    with pytest.raises(ConnectionResetError):
        read_all(data)
    report = served.ended()
    assert report.tally.cut == 1
    assert report.exit_status == EXIT_FORCED


def test_a_stop_that_is_taken_back_harms_nobody(served: Served):
    control = served.log_in()
    hold = served.stop(Phase.WITHDRAWING)
    served.in_loop(served.lifetime.resume)
    hold.release()
    assert control.ask("NOOP").startswith("200 ")
    assert served.log_in().ask("PWD").startswith("257 ")
