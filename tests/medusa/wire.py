"""The golden cases: what a client said, what the original answered, and how to compare that."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.medusa.conftest import get

GOLDEN = Path(__file__).parent / "golden"

#: Fields that are no part of what is compared.
FRAMING = {"date", "connection", "transfer-encoding", "content-length"}

OPEN, CLOSED, WAITING = "open", "closed", "waiting"


@dataclass
class Answer:
    """One answer: status, fields, body."""

    status: int
    fields: dict[str, str]
    body: bytes = b""

    def told(self) -> tuple[int, dict[str, str], bytes]:
        """What is compared."""
        fields = {name: value for name, value in self.fields.items() if name not in FRAMING}
        return self.status, fields, self.body


@dataclass
class Right:
    """What is right where the original was not: the statuses, the end, and parts of the answer."""

    statuses: list[int]
    end: str = OPEN
    body: str | None = None  # an expression that fits the first body
    fields: dict[str, str] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()


REFUSED = Right([400], CLOSED)


def cases_of(name: str) -> dict[str, dict[str, Any]]:
    """The cases of a golden file by their names."""
    cases = json.loads((GOLDEN / name).read_text(encoding="utf-8"))["cases"]
    return {each["name"]: each for each in cases}


def recorded(case: dict[str, Any]) -> list[Answer]:
    """The answers of the original."""
    received = case["received"]
    if isinstance(received, dict):
        received = received["head"]
    data = received.encode("latin-1")
    answers = []
    methods = re.findall(r"(?:\A|\n|\n\r\n)([A-Z]+) ", _text(case["sent"]))
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:])
        fields = {name.lower(): value for name, _, value in pairs}
        status = int(lines[0].split()[1])
        method = methods[len(answers)] if len(answers) < len(methods) else "GET"
        if fields.get("transfer-encoding") == "chunked" and method != "HEAD":
            body, data = _dechunked(data)
        elif method == "HEAD":
            body = b""
        else:
            length = int(fields.get("content-length", len(data)))
            body, data = data[:length], data[length:]
        answers.append(Answer(status, fields, body))
    return answers


def _text(sent: Any) -> str:
    return sent if isinstance(sent, str) else str(sent["head"])


def _dechunked(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body, data = body + data[:length], data[length + 2 :]
        if not length:
            return body, data


def sent_by(case: dict[str, Any]) -> list[tuple[float, bytes]]:
    """The pieces that the client sent, with the pause before each."""
    if case.get("parts"):
        return [(pause, part.encode("latin-1")) for pause, part in case["parts"]]
    sent = case["sent"]
    if isinstance(sent, dict):
        # Long ones are kept by their two ends, and the middle repeats itself.
        missing = sent["length"] - len(sent["head"]) - len(sent["tail"])
        if case["name"] == "header_many":
            lines = "".join(f"X-{number}: v\r\n" for number in range(500))
            sent = f"GET /file.txt HTTP/1.1\r\nHost: x\r\n{lines}\r\n"
        else:
            sent = sent["head"] + sent["head"][-1] * missing + sent["tail"]
    return [(0.0, sent.encode("latin-1"))]


def read_answer(peer: Any, is_head: bool) -> Answer:
    """The next answer."""
    line, fields = peer.read_head()
    status = int(line.split()[1])
    if is_head or status in (100, 204, 304):
        return Answer(status, fields)
    if fields.get("transfer-encoding") == "chunked":
        return Answer(status, fields, peer.read_chunked())
    if "content-length" in fields:
        return Answer(status, fields, peer.read(int(fields["content-length"])))
    return Answer(status, fields, peer.read_to_end())


def talk(site: Any, case: dict[str, Any], statuses: list[int]) -> tuple[list[Answer], str]:
    """Say what the client of a case said; its answers, and how it ended."""
    peer = site.connect()
    is_head = _text(case["sent"]).startswith("HEAD")
    answers: list[Answer] = []
    for pause, data in sent_by(case):
        # A long pause was there to wait for an answer, or for the end of patience.
        if pause >= 0.2 and len(answers) < len(statuses):
            answers.append(read_answer(peer, is_head))
        elif pause:
            time.sleep(min(pause, 0.02))
        peer.send(data)
    while len(answers) < len(statuses):
        answers.append(read_answer(peer, is_head))
    return answers, _end(peer, case["name"], site.probe)


def _end(peer: Any, name: str, probe: tuple[str, bytes]) -> str:
    path, body = probe
    if name in ("only_empty", "partial_then_stop"):
        peer.send(b"\r\n" if name == "partial_then_stop" else get(path))
        return WAITING if read_answer(peer, False).status == 200 else CLOSED
    try:
        peer.send(get(path, "X-Probe: yes"))
        return OPEN if read_answer(peer, False).body == body else "astray"
    except (EOFError, ConnectionError):
        return CLOSED


def check(right: Right, answers: list[Answer], end: str) -> None:
    """Hold answers to what is right."""
    assert [each.status for each in answers] == right.statuses
    assert end == right.end
    if answers:
        first = answers[0]
        assert {name: first.fields.get(name) for name in right.fields} == right.fields
        assert not set(right.lacks) & set(first.fields)
        if right.body is not None:
            assert re.fullmatch(right.body, first.body.decode("latin-1"), re.DOTALL)
