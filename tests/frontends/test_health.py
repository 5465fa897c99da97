"""Health endpoints on the wire: what each says in each phase, and in which form."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lifetime import Lifetime, Phase
from servers.frontends import FrontEnds
from servers.frontends.health import MAX_CHANNELS, Health
from servers.frontends.proxies import Proxies
from servers.http import Limits
from tests.frontends.conftest import Told
from tests.wire.pages import get

Tell = Callable[..., Told]

ALL = ("/livez", "/readyz", "/healthz", "/startupz")


def broken() -> None:
    raise ConnectionError("no\nanswer")


def statuses(told: Told) -> dict[str, int]:
    return {path: told.status(path) for path in ALL}


# -- what is said when -------------------------------------------------------------------------


def test_a_server_that_serves_is_well(tell: Tell) -> None:
    told = tell()
    status, fields, body = told.probe("/readyz")
    assert (status, body) == (200, b"ok\n")
    assert fields["cache-control"] == "no-store"
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert set(statuses(told).values()) == {200}


def test_the_main_listener_says_the_same(tell: Tell) -> None:
    assert tell().ask(get("/readyz"))[2] == b"ok\n"


def test_other_pages_are_other_handlers(tell: Tell) -> None:
    told = tell()
    assert told.ask(get("/hello"))[2] == b"Hello\n"
    assert told.status("/hello") == 404


def test_until_it_has_started_it_lives_and_is_not_ready(tell: Tell) -> None:
    told = tell(starting=True)
    assert statuses(told) == {"/livez": 200, "/readyz": 503, "/healthz": 503, "/startupz": 503}
    told.in_loop(told.front_ends.ready)
    assert set(statuses(told).values()) == {200}


def test_in_phase_1_it_lives_and_is_not_ready(tell: Tell) -> None:
    told = tell()
    told.begin_to_stop()
    assert statuses(told) == {"/livez": 200, "/readyz": 503, "/healthz": 503, "/startupz": 200}


def test_in_phase_3_the_listener_for_probes_still_says_so(tell: Tell) -> None:
    told = tell()
    client = told.connect().send(get("/slow"))
    told.begin_to_stop()
    told.go_on()
    told.reaches(Phase.DRAINING)
    assert statuses(told) == {"/livez": 200, "/readyz": 503, "/healthz": 503, "/startupz": 200}
    with pytest.raises(ConnectionRefusedError):
        told.connect()
    told.in_loop(told.in_flight[0].done)
    assert client.read_reply()[0] == 200
    client.sock.close()
    assert told.ended().orderly


def test_the_body_names_the_phase_and_its_seconds(tell: Tell) -> None:
    told = tell()
    told.begin_to_stop()
    body = told.probe()[2].decode()
    assert re.fullmatch(r"shutdown: phase 1 \(withdrawing\) for \d+\.\d s\n", body)


@pytest.mark.parametrize("status", [503, 404, 500])
def test_the_status_of_a_stop_can_be_chosen(tell: Tell, status: int) -> None:
    told = tell(health={"draining_status": status})
    told.begin_to_stop()
    assert told.status() == status


def test_in_maintenance_it_is_not_ready(tell: Tell) -> None:
    told = tell(health={"draining_status": 404})
    told.front_ends.maintenance = True
    assert told.probe()[::2] == (503, b"maintenance: an operator wants no traffic here\n")


# -- checks ------------------------------------------------------------------------------------


def test_a_check_that_raises_is_a_failure_by_name(tell: Tell) -> None:
    told = tell(checks={"database": broken, "disk": lambda: None})
    assert told.probe()[::2] == (503, b"database: ConnectionError: no answer\n")


def test_a_check_that_returns_false_is_a_failure(tell: Tell) -> None:
    assert tell(checks={"disk": lambda: False}).probe()[::2] == (503, b"disk: it says so\n")


def leaves() -> None:
    raise SystemExit(3)


class Speechless(Exception):
    def __str__(self) -> str:
        raise LookupError


def says_nothing() -> None:
    raise Speechless


async def is_asynchronous() -> None:
    """Nobody waits for it, so nobody learns what it would find."""


@pytest.mark.parametrize(
    ("check", "body"),
    [
        (leaves, b"check: SystemExit: 3\n"),
        (says_nothing, b"check: Speechless\n"),
        (is_asynchronous, b"check: it is asynchronous, and nobody waits for it; give a function\n"),
    ],
)
def test_a_check_of_a_strange_kind_is_a_failure_and_no_more(
    tell: Tell, check: Callable[[], object], body: bytes
) -> None:
    told = tell(checks={"check": check})
    assert told.probe()[::2] == (503, body)
    assert told.agent_is_told() == b"down #check\n"


def test_a_check_of_readiness_says_nothing_about_life(tell: Tell) -> None:
    told = tell(checks={"database": broken})
    assert (told.status("/livez"), told.status("/startupz")) == (200, 200)


def test_life_has_checks_of_its_own(tell: Tell) -> None:
    told = tell(health={"live_checks": {"pool": broken}})
    assert (told.status("/livez"), told.status("/readyz")) == (503, 200)


def test_checks_are_called_in_the_loop(tell: Tell) -> None:
    threads = []
    told = tell(checks={"thread": lambda: threads.append(threading.get_ident())})
    told.probe()
    assert set(threads) == {told.thread.ident}


# -- verbose, exclude, JSON --------------------------------------------------------------------


def test_verbose_has_a_line_for_each_finding(tell: Tell) -> None:
    told = tell(checks={"database": broken, "disk": lambda: None})
    assert told.probe("/readyz?verbose")[2].decode().splitlines() == [
        "[+]started ok",
        "[+]maintenance ok",
        "[+]shutdown ok",
        "[-]database failed: ConnectionError: no answer",
        "[+]disk ok",
        "readyz check failed",
    ]


def test_what_is_excluded_does_not_count(tell: Tell) -> None:
    told = tell(checks={"database": broken, "disk": broken})
    assert told.status("/readyz?exclude=database") == 503
    assert told.status("/readyz?exclude=database&exclude=disk") == 200


def test_excluding_what_is_not_there_is_told(tell: Tell) -> None:
    body = tell().probe("/livez?verbose&exclude=databse%0a%1b")[2].decode()
    assert body.splitlines() == [
        "[+]loop ok",
        "no check is called databse??, so it cannot be excluded",
        "livez check passed",
    ]


def test_programs_get_json(tell: Tell) -> None:
    told = tell(checks={"database": broken, "disk": broken})
    status, fields, body = told.probe(
        "/readyz?exclude=disk", "Accept: text/html;q=0.5, Application/JSON"
    )
    assert (status, fields["content-type"]) == (503, "application/json")
    assert json.loads(body) == {
        "endpoint": "readyz",
        "ok": False,
        "state": "failing",
        "phase": 0,
        "seconds_in_phase": 0.0,
        "checks": {
            "started": "ok",
            "maintenance": "ok",
            "shutdown": "ok",
            "database": "ConnectionError: no answer",
            "disk": "excluded",
        },
    }


# -- requests ----------------------------------------------------------------------------------


def test_head_is_get_without_the_body(tell: Tell) -> None:
    prober = tell().connect()
    status, fields = prober.send(get("/readyz", "Connection: close", method="HEAD")).read_head()
    assert status == "HTTP/1.1 200 OK"
    assert (fields["content-length"], fields["cache-control"]) == ("3", "no-store")
    assert prober.read_to_end() == b""


def test_the_options_of_a_plain_httpchk_are_answered_as_get(tell: Tell) -> None:
    assert tell().ask(get("/readyz", method="OPTIONS", version="1.0"))[::2] == (200, b"ok\n")


def test_another_method_is_refused(tell: Tell) -> None:
    status, fields, _ = tell().ask(get("/readyz", method="DELETE"))
    assert (status, fields["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_query_with_far_too_many_fields_is_refused(tell: Tell) -> None:
    assert tell().status("/readyz?" + "&" * 200 + "a&" * 200) == 400


@pytest.mark.parametrize("fall", ["0", "100", "-1", "1.5", "", "five", "%c2%b3", "5&fall="])
def test_a_fall_that_is_no_number_is_refused(tell: Tell, fall: str) -> None:
    assert tell().status(f"/readyz?fall={fall}") == 400


def test_the_paths_may_have_a_prefix(tell: Tell) -> None:
    told = tell(health={"prefix": "/-"})
    assert (told.status("/-/readyz"), told.status("/readyz")) == (200, 404)


# -- the listener for probes -------------------------------------------------------------------


def test_those_who_only_connect_keep_no_prober_from_its_answer(tell: Tell) -> None:
    told = tell()
    began = time.monotonic()
    crowd = [told.connect_to(told.probes) for _ in range(3 * MAX_CHANNELS)]
    assert told.status() == 200
    assert time.monotonic() - began < Limits().keep_alive / 2
    assert len(told.probes.channels) < MAX_CHANNELS
    assert crowd[0].read_to_end() == b""


def test_whoever_has_asked_last_is_the_last_to_make_room(tell: Tell) -> None:
    told = tell()
    prober = told.connect_to(told.probes)
    for _ in range(3):
        assert prober.send(get("/readyz")).read_reply()[0] == 200
        for _ in range(MAX_CHANNELS - 10):
            told.connect_to(told.probes)
        told.two_turns()


def test_those_who_begin_a_request_and_do_not_end_it_make_room(tell: Tell) -> None:
    told = tell()
    for _ in range(2 * MAX_CHANNELS):
        told.connect_to(told.probes).send(b"G")
    began = time.monotonic()
    assert told.status() == 200
    assert time.monotonic() - began < Limits().header_time / 2


def test_probes_may_come_over_a_unix_socket(tell: Tell, tmp_path: Path) -> None:
    told = tell(probes={"unix": tmp_path / "probes"})
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as prober:
        prober.connect(str(tmp_path / "probes"))
        assert told.adopt(prober).send(get("/readyz")).read_reply()[2] == b"ok\n"


def test_a_listener_of_one_connection_has_its_bound(tell: Tell) -> None:
    told = tell(probes={"limits": Limits(connections=1)})
    with told.connect_to(told.probes).sock:
        late = told.connect_to(told.probes).send(get("/readyz"))
    assert late.read_reply()[0] == 200


def test_a_prober_that_stays_connected_holds_no_stop(tell: Tell) -> None:
    told = tell()
    prober = told.connect_to(told.probes)
    assert prober.send(get("/livez")).read_reply()[0] == 200
    told.lifetime.shutdown()
    report = told.ended()
    assert report.orderly
    assert not [veto for veto in report.vetoes if "HTTPListener" not in veto.owner]
    assert prober.read_to_end() == b""


def test_who_asks_a_listener_that_was_taken_over_is_not_left_to_close_by_force(tell: Tell) -> None:
    told = tell()
    prober, haproxy = told.connect_to(told.probes), told.connect_to(told.agent)
    assert prober.send(get("/livez")).read_reply()[0] == 200
    assert haproxy.read_to_end() == b"up ready 100%\n"
    told.in_loop(told.probes.lend), told.in_loop(told.agent.lend)
    told.lifetime.shutdown()
    assert told.ended().closed_by_force == []
    assert prober.read_to_end() == b""


def test_a_prober_without_its_proxy_header_is_not_left_either(tell: Tell) -> None:
    told = tell(probes={"proxies": Proxies("127.0.0.1")})
    prober = told.connect_to(told.probes)
    told.two_turns()
    told.in_loop(told.probes.lend)
    told.lifetime.shutdown()
    assert told.ended().closed_by_force == []
    assert prober.read_to_end() == b""


def test_at_the_end_nothing_is_left_to_close_by_force(tell: Tell) -> None:
    told = tell()
    told.lifetime.shutdown()
    assert told.ended().closed_by_force == []
    assert not told.lifetime.map
    for listener in (told.site, told.probes, told.agent):
        with pytest.raises(ConnectionRefusedError):
            told.connect_to(listener)


# -- misuse ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"draining_status": 200}, "give 503, 404 or 500"),
        ({"fall": 0}, "give 1 or more"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings: dict[str, int], words: str) -> None:
    front_ends = FrontEnds(Lifetime())
    with pytest.raises(ValueError, match=words):
        Health(front_ends, **settings)
    front_ends.close()
