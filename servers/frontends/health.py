"""Health endpoints: /livez, /readyz, /healthz and /startupz, for whoever asks over HTTP.

On the main listener a probe sees what clients see, but in phase 2 it is refused like them;
`HealthListener` is a listener of their own, which answers until phase 4.  Everything is answered in
the loop, without a thread.  Who asks /readyz or /healthz is taken for a front end, and what is seen
of it ends phase 1: its own word, if it is HAProxy with `http-check send-state`, else as many
draining answers as it takes; `?fall=5` says how many, for a prober knows that best.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from lifetime import Phase
from servers.frontends.findings import Finding, as_json, as_text, as_verbose_text
from servers.frontends.followers import MAX_NAMES
from servers.frontends.frontends import FrontEnds, why_failing
from servers.frontends.haproxy_state import FIELD, ServerState, parse_server_state
from servers.frontends.probes import ProbeListener
from servers.http.channel import HTTPChannel
from servers.http.errors import ClientError
from servers.http.limits import Limits
from servers.http.listener import HTTPListener
from servers.http.request import Request

LIVE, READY, HEALTHY, STARTED = "/livez", "/readyz", "/healthz", "/startupz"

#: Whoever asks these wants to know whether to send traffic.
OF_FRONT_ENDS = (READY, HEALTHY)

#: HAProxy's `option httpchk /readyz` sends OPTIONS.
METHODS = ("GET", "HEAD", "OPTIONS")

#: What may be said in place of 503 while we stop: 404 for HAProxy's `disable-on-404`.
DRAINING_STATUSES = (503, 404, 500)

#: These ask, and send nothing: the kubelet.  Kubernetes takes a pod that stops out of rotation by
#: itself, and asks so seldom that it would hold phase 1 to its maximum.
NO_FRONT_ENDS = ("kube-probe/",)

#: Connections to a listener for probes alone: more front ends than anybody has.  Whoever has not
#: asked for longest makes room, for those who only connect must not keep a prober from its answer.
MAX_CHANNELS = 100

#: Fields of a query that are looked at.
MAX_FIELDS = 100

#: A number of draining answers, as a query says it.
FALL = re.compile(r"[1-9][0-9]?", re.ASCII)

#: The first word of a User-Agent, as far as it is fit for a log.
AGENT = re.compile(r"[\w./+-]{1,40}", re.ASCII)


class Health:
    """Answers health probes.

    draining_status: of /readyz and /healthz in phases 1 to 3: 503, 404 or 500.
    fall: so many draining answers make a prober act that does not say how it sees us; one that
        asks with `?fall=5` acts on five.
    live_checks: by name, what must not raise, nor return False, for /livez; see `FrontEnds.checks`,
        which are those of /readyz and /healthz.
    prefix: of the paths, such as "/-".
    Raises ValueError for another draining_status, or a fall below 1.
    """

    def __init__(
        self,
        front_ends: FrontEnds,
        *,
        draining_status: int = 503,
        fall: int = 3,
        live_checks: Mapping[str, Callable[[], object]] | None = None,
        prefix: str = "",
    ) -> None:
        if draining_status not in DRAINING_STATUSES:
            raise ValueError(f"a draining status of {draining_status}; give 503, 404 or 500")
        if fall < 1:
            raise ValueError(f"a prober acts on {fall} draining answers; give 1 or more")
        self.front_ends = front_ends
        self.draining_status = draining_status
        self.fall = fall
        self.live_checks = dict(live_checks or {})
        self.prefix = prefix
        self.findings_of = {
            LIVE: self._live,
            READY: self._ready,
            HEALTHY: self._ready,
            STARTED: self._started,
        }
        self._states: dict[str, ServerState] = {}  # what each HAProxy said while we were running

    def match(self, request: Request) -> bool:
        """Whether it is one of the four."""
        path = request.path
        return path.startswith(self.prefix) and path.removeprefix(self.prefix) in self.findings_of

    def handle_request(self, request: Request) -> None:
        """Answer, and note who has asked."""
        request["Cache-Control"] = "no-store"
        if request.method not in METHODS:
            request["Allow"] = ", ".join(METHODS)
            request.error(405)
            return
        verbose, excluded, fall = _asked(request.query_string)
        endpoint = request.path.removeprefix(self.prefix)
        findings = [
            Finding(name, problem, name in excluded)
            for name, problem in self.findings_of[endpoint]().items()
        ]
        failing = {each.name for each in findings if each.fails}
        if failing:
            request.reply_code = self.draining_status if "shutdown" in failing else 503
        if endpoint in OF_FRONT_ENDS:
            self._note(request, draining="shutdown" in failing, fall=fall or self.fall)
        name = endpoint[1:]
        if _wants_json(request):
            request["Content-Type"] = "application/json"
            request.push(as_json(name, findings, self._state()))
        else:
            request["Content-Type"] = "text/plain; charset=utf-8"
            unknown = sorted(excluded - {each.name for each in findings})
            request.push(as_verbose_text(name, findings, unknown) if verbose else as_text(findings))
        request.done()

    # What is looked at: by name, the problem or None

    def _live(self) -> dict[str, str | None]:
        """The loop turns, or nobody would answer; draining is no reason to be killed."""
        findings: dict[str, str | None] = {"loop": None}
        for name, check in self.live_checks.items():
            findings[name] = why_failing(check)
        return findings

    def _started(self) -> dict[str, str | None]:
        return {"started": None if self.front_ends.started else "it is still starting"}

    def _ready(self) -> dict[str, str | None]:
        front_ends = self.front_ends
        failures = front_ends.failures()
        return {
            **self._started(),
            "maintenance": "an operator wants no traffic here" if front_ends.maintenance else None,
            "shutdown": self._stop(),
            **{name: failures.get(name) for name in front_ends.checks},
        }

    def _stop(self) -> str | None:
        phase = self.front_ends.lifetime.phase
        if phase is Phase.RUNNING:
            return None
        seconds = self.front_ends.seconds_in_phase
        return f"phase {phase:d} ({phase.name.lower()}) for {seconds:.1f} s"

    def _state(self) -> dict[str, object]:
        front_ends = self.front_ends
        return {
            "state": front_ends.availability.value,
            "phase": int(front_ends.lifetime.phase),
            "seconds_in_phase": round(front_ends.seconds_in_phase, 3),
        }

    # Who has asked

    def _note(self, request: Request, draining: bool, fall: int) -> None:
        """Somebody may send us traffic; has it ceased to?"""
        agent = request.get_header("User-Agent") or ""
        if agent.startswith(NO_FRONT_ENDS):
            return
        followers = self.front_ends.followers
        now = self.front_ends.lifetime.clock()
        state = parse_server_state(request.get_header(FIELD) or "")
        name = _prober(request.channel.addr, agent, state)
        followers.seen(name, now)
        if state is None:
            if draining:
                followers.answered_draining(name, now, fall)
        elif followers.withdrawn is None:
            self._states.pop(name, None)
            self._states[name] = state
            if len(self._states) > MAX_NAMES:
                del self._states[next(iter(self._states))]
        elif state.sends_nothing_new(self._before(name)):
            followers.acted(name, now)
        else:
            followers.relapsed(name)

    def _before(self, name: str) -> ServerState | None:
        """What to compare with; only an agent makes our share leave the total."""
        return self._states.get(name) if self.front_ends.agent_was_told else None


class HealthChannel(HTTPChannel):
    """A prober's connection: nobody waits for it."""

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """A prober asks again and again, to the very end, and holds nobody.

        If another process has taken our listener over it asks there, and this connection ends.
        """
        if phase >= Phase.DRAINING and not self.server.accepting:
            self.close()
        return None


class HealthListener(ProbeListener, HTTPListener):
    """A listener for health probes alone; it answers until phase 4.

    health: the handler; everything else is as with `HTTPListener`, but that without `limits` there
        are `MAX_CHANNELS` connections at most.
    """

    channel_class = HealthChannel

    def __init__(self, health: Health, host: str = "", port: int = 0, **settings: Any) -> None:
        settings.setdefault("lifetime", health.front_ends.lifetime)
        settings.setdefault("limits", Limits(connections=MAX_CHANNELS))
        self._by_silence: dict[Any, None] = {}  # our channels; who asked last is at the end
        super().__init__(host, port, **settings)
        self.install_handler(health)

    def make_channel(self, sock: socket.socket, addr: Any) -> None:
        """Serve a prober; whoever has not asked for longest makes room for it."""
        self.have_room()
        super().make_channel(sock, addr)

    def longest_silent(self) -> Any:
        """Whoever has not asked for longest."""
        return next(iter(self._by_silence), None)

    def channel_opened(self, channel: object) -> None:
        """A connection has begun."""
        self._by_silence[channel] = None
        super().channel_opened(channel)

    def channel_closed(self, channel: object) -> None:
        """A connection has ended."""
        self._by_silence.pop(channel, None)
        super().channel_closed(channel)

    def dispatch(self, request: Request) -> None:
        """Answer; and whoever asks is not silent."""
        if request.channel in self._by_silence:
            self._by_silence[request.channel] = self._by_silence.pop(request.channel)
        super().dispatch(request)


def _asked(query: str) -> tuple[bool, set[str], int | None]:
    """Whether every finding is to be told, which are not to count, and the prober's fall."""
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ClientError(400, "the query has too many fields") from None
    verbose = any(name == "verbose" for name, _ in fields)
    excluded = {_printable(value) for name, value in fields if name == "exclude"}
    falls = [value for name, value in fields if name == "fall"]
    if not all(map(FALL.fullmatch, falls)):
        raise ClientError(400, "fall is a number of draining answers, from 1 to 99")
    return verbose, excluded, int(falls[-1]) if falls else None


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:64])


def _wants_json(request: Request) -> bool:
    accepted = (request.get_header("Accept") or "").lower()
    kinds = [each.partition(";")[0].strip() for each in accepted.split(",")]
    return "application/json" in kinds


def _prober(address: object, agent: str, state: ServerState | None) -> str:
    """What a prober is called: by its own words, and where it is."""
    who = AGENT.match(agent)
    name = who[0] if who else "a prober"
    if state is not None:
        name = " ".join(["HAProxy", *filter(None, (state.node, state.name))])
    where = address[0] if isinstance(address, tuple) else "the Unix socket"
    return f"{name} at {where}"
