"""What the original should have written down, for every scenario in which it shows a defect.

The key is the defect's number (D01 to D14, in the reference on the original) and the scenario's
name.  A row reads: seconds, phase, who, what happened.

Three scenarios are here although the golden traces call them `tail`: the ICP server's veto hides
the listener behind it as well (D01), and a dispatcher that joins in phase 1 hears of phase 1 (D13).
"""

CORRECTED: dict[tuple[str, str], str] = {
    ("D01", "icp_fast"): """
        0.0 0 *  shutdown(0, fast=1)
        0.0 1 *  phase
        0.0 1 icp call t=0.0 -> veto
        0.0 1 listener call t=0.0 -> pass
        1.0 1 icp call t=1.0 -> veto
        1.0 1 listener call t=1.0 -> pass
        1.0 2 *  phase
        1.0 2 icp call t=0.0 -> pass
        1.0 2 listener call t=0.0 -> pass
        1.0 2 listener close
        1.0 3 *  phase
        1.0 3 icp call t=0.0 -> pass
        1.0 4 *  phase
        1.0 4 icp close
        1.0 4 *  return loop
    """,
    ("D01", "icp_two_seconds"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 icp call t=0.0 -> veto
        0.0 1 listener call t=0.0 -> pass
        1.0 1 icp call t=1.0 -> veto
        1.0 1 listener call t=1.0 -> pass
        2.0 1 icp call t=2.0 -> pass
        2.0 1 icp close
        2.0 1 listener call t=2.0 -> pass
        2.0 2 *  phase
        2.0 2 listener call t=0.0 -> pass
        2.0 2 listener close
        2.0 3 *  phase
        2.0 4 *  phase
        2.0 4 *  return loop
    """,
    ("D01", "raise_behind_veto"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 v  call t=0.0 -> veto
        0.0 1 bad call t=0.0 -> raise RuntimeError
        0.0 1 bad handle_error
        1.0 1 v  call t=1.0 -> pass
        1.0 1 bad call t=1.0 -> raise RuntimeError
        1.0 1 bad handle_error
        1.0 2 *  phase
        1.0 2 v  call t=0.0 -> pass
        1.0 2 bad call t=0.0 -> pass
        1.0 3 *  phase
        1.0 3 v  call t=0.0 -> pass
        1.0 3 bad call t=0.0 -> pass
        1.0 4 *  phase
        1.0 4 v  close
        1.0 4 bad close
        1.0 4 *  return loop
    """,
    ("D01", "short_circuit_listeners"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 holder call t=0.0 -> pass
        0.0 1 late_listener call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 holder call t=0.0 -> veto
        0.0 2 late_listener call t=0.0 -> pass
        0.0 2 late_listener close
        1.0 2 holder call t=1.0 -> veto
        2.0 2 holder call t=2.0 -> veto
        3.0 2 holder call t=3.0 -> pass
        3.0 3 *  phase
        3.0 3 holder call t=0.0 -> pass
        3.0 4 *  phase
        3.0 4 holder close
        3.0 4 *  return loop
    """,
    ("D01", "short_circuit_timeout"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 holder call t=0.0 -> pass
        0.0 1 never_told call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 holder call t=0.0 -> veto
        0.0 2 never_told call t=0.0 -> pass
        0.0 2 never_told close
        1.0 2 holder call t=1.0 -> veto
        2.0 2 holder call t=2.0 -> veto
        2.0 3 *  phase
        2.0 3 holder call t=0.0 -> pass
        2.0 4 *  phase
        2.0 4 holder close
        2.0 4 *  return loop
    """,
    ("D01", "short_circuit_two_channels"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 busy call t=0.0 -> pass
        0.0 1 idle call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 busy call t=0.0 -> pass
        0.0 2 idle call t=0.0 -> pass
        0.0 3 *  phase
        0.0 3 busy call t=0.0 -> veto
        0.0 3 idle call t=0.0 -> pass
        0.0 3 idle close
        1.0 3 busy call t=1.0 -> veto
        2.0 3 busy call t=2.0 -> pass
        2.0 3 busy close
        2.0 4 *  phase
        2.0 4 *  return loop
    """,
    ("D02", "close_all_in_round"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 a  call t=0.0 -> pass
        0.0 1 a  close
        0.0 1 b  close
        0.0 1 c  close
        0.0 2 *  phase
        0.0 3 *  phase
        0.0 4 *  phase
        0.0 4 *  return loop
    """,
    ("D02", "close_other_in_round"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 a  call t=0.0 -> pass
        0.0 1 b  call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 a  call t=0.0 -> pass
        0.0 2 b  close
        0.0 3 *  phase
        0.0 3 a  call t=0.0 -> pass
        0.0 4 *  phase
        0.0 4 a  close
        0.0 4 *  return loop
    """,
    ("D05", "clock_back_60"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 icp call t=0.0 -> veto
        0.5 1 *  wall clock -60
        1.0 1 icp call t=1.0 -> veto
        2.0 1 icp call t=2.0 -> pass
        2.0 1 icp close
        2.0 2 *  phase
        2.0 3 *  phase
        2.0 4 *  phase
        2.0 4 *  return loop
    """,
    ("D05", "clock_forward_3600"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 busy call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 busy call t=0.0 -> pass
        0.0 3 *  phase
        0.0 3 busy call t=0.0 -> veto
        1.0 3 busy call t=1.0 -> veto
        1.5 3 *  wall clock +3600
        2.0 3 busy call t=2.0 -> veto
        3.0 3 busy call t=3.0 -> veto
        4.0 3 busy call t=4.0 -> veto
        5.0 3 busy call t=5.0 -> veto
        6.0 3 busy call t=6.0 -> veto
        7.0 3 busy call t=7.0 -> veto
        8.0 3 busy call t=8.0 -> veto
        9.0 3 busy call t=9.0 -> veto
        10.0 3 busy call t=10.0 -> veto
        10.0 4 *  phase
        10.0 4 busy close
        10.0 4 *  return loop
    """,
    ("D06", "shutdown_from_thread_unnoticed"): """
        5.0 0 *  shutdown(0, fast=0)
        5.0 1 *  phase
        5.0 1 listener call t=0.0 -> pass
        5.0 2 *  phase
        5.0 2 listener call t=0.0 -> pass
        5.0 2 listener close
        5.0 3 *  phase
        5.0 4 *  phase
        5.0 4 *  return loop
    """,
    ("D07", "two_runs"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 a  call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 a  call t=0.0 -> pass
        0.0 3 *  phase
        0.0 3 a  call t=0.0 -> pass
        0.0 4 *  phase
        0.0 4 a  close
        0.0 4 *  return loop
        0.0 0 *  return loop
    """,
    ("D08", "handle_error_raises"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 bad call t=0.0 -> raise RuntimeError
        0.0 1 bad handle_error
        0.0 1 bad close
        0.0 1 listener call t=0.0 -> pass
        0.0 1 chan call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 listener call t=0.0 -> pass
        0.0 2 listener close
        0.0 2 chan call t=0.0 -> pass
        0.0 3 *  phase
        0.0 3 chan call t=0.0 -> veto
        1.0 3 chan call t=1.0 -> pass
        1.0 3 chan close
        1.0 4 *  phase
        1.0 4 *  return loop
    """,
    ("D08", "system_exit_swallowed"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 sys call t=0.0 -> raise SystemExit
        0.0 1 *  raised SystemExit
    """,
    ("D11", "blocking_callback"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 slow call t=0.0 -> veto
        5.0 2 *  phase
        5.0 2 slow call t=0.0 -> pass
        5.0 3 *  phase
        5.0 3 slow call t=0.0 -> pass
        5.0 4 *  phase
        5.0 4 slow close
        5.0 4 *  return loop
    """,
    ("D11", "timeout_not_multiple_of_poll"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 d  call t=0.0 -> veto
        1.0 1 d  call t=1.0 -> veto
        2.0 1 d  call t=2.0 -> veto
        2.5 1 d  call t=2.5 -> veto
        2.5 2 *  phase
        2.5 2 d  call t=0.0 -> pass
        2.5 3 *  phase
        2.5 3 d  call t=0.0 -> pass
        2.5 4 *  phase
        2.5 4 d  close
        2.5 4 *  return loop
    """,
    ("D12", "graceful_from_phase0"): """
        0.0 1 *  phase
        0.0 1 a  call t=0.0 -> veto
        1.0 1 a  call t=1.0 -> pass
        1.0 2 *  phase
        1.0 2 a  call t=0.0 -> veto
        2.0 2 a  call t=1.0 -> pass
        2.0 3 *  phase
        2.0 3 a  call t=0.0 -> veto
        3.0 3 a  call t=1.0 -> pass
        3.0 4 *  phase
        3.0 4 a  close
        3.0 4 *  return graceful
    """,
    ("D13", "add_in_phase1"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 a  call t=0.0 -> pass
        0.0 1 new add
        0.0 1 new call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 a  call t=0.0 -> pass
        0.0 2 new call t=0.0 -> pass
        0.0 3 *  phase
        0.0 3 a  call t=0.0 -> pass
        0.0 3 new call t=0.0 -> veto
        1.0 3 a  call t=1.0 -> pass
        1.0 3 new call t=1.0 -> pass
        1.0 3 new close
        1.0 4 *  phase
        1.0 4 a  close
        1.0 4 *  return loop
    """,
    ("D13", "add_listener_in_phase3"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 a  call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 a  call t=0.0 -> pass
        0.0 3 *  phase
        0.0 3 a  call t=0.0 -> veto
        0.0 3 late add
        0.0 3 late call t=0.0 -> pass
        0.0 3 late call t=0.0 -> pass
        0.0 3 late close
        1.0 3 a  call t=1.0 -> veto
        2.0 3 a  call t=2.0 -> pass
        2.0 4 *  phase
        2.0 4 a  close
        2.0 4 *  return loop
    """,
    ("D14", "poll_error"): """
        0.0 0 *  shutdown(0, fast=0)
        0.0 1 *  phase
        0.0 1 busy call t=0.0 -> pass
        0.0 2 *  phase
        0.0 2 busy call t=0.0 -> pass
        0.0 3 *  phase
        0.0 3 busy call t=0.0 -> veto
        1.0 3 busy call t=1.0 -> veto
        1.5 3 *  poll raises
        1.5 3 busy close
        1.5 4 *  phase
        1.5 4 *  return loop
    """,
}
