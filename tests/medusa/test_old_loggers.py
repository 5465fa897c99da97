"""medusa's loggers."""

from __future__ import annotations

import io
import socket

from servers.medusa import logger, m_syslog
from tests.medusa.conftest import Lines


def test_a_file_logger_takes_a_path_or_a_file(tmp_path):
    path = tmp_path / "log"
    first = logger.file_logger(str(path))
    first.log("one")
    first.log("two\n")
    first.close()
    assert path.read_text() == "one\ntwo\n"
    out = io.StringIO()
    logger.file_logger(out).writelines(["a", "b"])
    assert out.getvalue() == "a\nb\n"


def test_a_file_is_begun_anew_when_it_is_large(tmp_path):
    path = tmp_path / "log"
    rotating = logger.rotating_file_logger(str(path), None, 20)
    for number in range(4):
        rotating.log(f"message {number}")
    rotating.close()
    [old] = [each for each in tmp_path.iterdir() if each != path]
    assert old.name.startswith("log.ends2")
    assert old.read_text() + path.read_text() == "".join(f"message {n}\n" for n in range(4))


def test_a_syslog_message_has_its_priority():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10.0)
        client = logger.syslog_logger(server.getsockname(), "local0")
        client.log("message")
        client.close()
        expected = m_syslog.LOG_MAKEPRI(m_syslog.LOG_LOCAL0, m_syslog.LOG_INFO)
        assert server.recv(100) == b"<%d>message\0" % expected


def test_a_socket_logger_sends_lines():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = logger.socket_logger(server.getsockname())
        client.log("message")
        peer, _ = server.accept()
        peer.settimeout(10.0)
        with peer:
            assert peer.recv(100) == b"message\n"
        client.close()


def test_a_tail_keeps_the_last_lines_and_passes_all_on():
    lines = Lines()
    tail = logger.tail_logger(logger.multi_logger([lines]), 2)
    for message in ("a\n", "b", "c"):
        tail.log(message)
    assert tail.messages == ["b", "c"]
    assert lines.lines == ["a\n", "b", "c"]


def test_a_resolver_gives_names():
    class resolver:
        def resolve_ptr(self, ip, callback):
            callback(ip, 60, "name.example" if ip == "127.0.0.1" else None)

    lines = Lines()
    resolving = logger.resolving_logger(resolver(), lines)
    resolving.log("127.0.0.1", "a")
    resolving.log("10.0.0.1", "b")
    assert lines.lines == ["name.example:a", "10.0.0.1:b"]
