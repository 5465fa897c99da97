"""medusa's thread package: scripts and pipes whose work is done by threads."""

from __future__ import annotations

import threading
import types

import pytest

from servers.medusa import asyncore_25 as asyncore
from servers.medusa.thread import (
    pi_module,
    select_trigger,
    test_module,
    thread_channel,
    thread_handler,
)
from tests.medusa.conftest import get, post
from tests.medusa.test_replies import answers


def script(main):
    """A module with that `main(env, stdin, stdout)`."""
    module = types.ModuleType("script")
    module.main = main
    return module


@pytest.fixture
def serve_script(serve):
    """serve_script(main): a server with two threads that run it below /script."""

    def start(main, name="script"):
        queue = thread_handler.request_queue()
        for _ in range(2):
            thread_handler.request_loop_thread(queue).start()
        handler = thread_handler.script_handler(queue, "/srv")
        handler.add_module(script(main), name)
        running = serve(handler)
        running.queue = queue
        return running

    yield start
    for thread in threading.enumerate():
        if thread.name == "request_loop":
            thread.queue.stop()
            thread.join(10.0)
            assert not thread.is_alive()


def test_a_script_runs_in_a_thread_of_the_queue(serve_script):
    def main(env, stdin, stdout):
        stdout.write(f"\n{threading.current_thread().name}")

    assert serve_script(main).get("/script") == b"request_loop"


def test_the_fields_that_a_script_writes_are_those_of_the_answer(serve_script):
    def main(env, stdin, stdout):
        stdout.write("Status: 404 Not Here\r\nContent-Type: text/plain\r\n")
        stdout.write("Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nnothing")

    status, fields, body = serve_script(main).ask(get("/script"))
    assert (status, fields["content-type"], body) == (404, "text/plain", b"nothing")
    assert fields["set-cookie"] == "c=d"  # the client keeps the last one


def test_a_script_does_not_say_how_its_answer_is_framed(serve_script):
    def main(env, stdin, stdout):
        stdout.write("Transfer-Encoding: chunked\r\n\r\nno chunk")

    _, fields, body = serve_script(main).ask(get("/script"))
    assert (fields["content-length"], body) == ("8", b"no chunk")
    assert "transfer-encoding" not in fields


@pytest.mark.parametrize("text", ["<html>hello</html>", "\r\n<html>hello</html>"])
def test_a_script_without_fields_has_written_html(serve_script, text):
    _, fields, body = serve_script(lambda env, stdin, stdout: stdout.write(text)).ask(
        get("/script")
    )
    assert (fields["content-type"], body) == ("text/html", b"<html>hello</html>")


def test_a_script_that_writes_nothing_has_an_empty_answer(serve_script):
    status, fields, body = serve_script(lambda env, stdin, stdout: None).ask(get("/script"))
    assert (status, fields["content-length"], body) == (200, "0", b"")


def test_what_a_script_writes_piece_by_piece_arrives_whole(serve_script):
    def main(env, stdin, stdout):
        stdout.writelines([b"Content-Length: 100000\n", b"\n"])
        for _ in range(1000):
            stdout.write("x" * 100)

    assert serve_script(main).get("/script") == b"x" * 100_000


def test_a_script_waits_for_a_client_that_does_not_read(serve_script):
    written, read_on = [], threading.Event()

    def main(env, stdin, stdout):
        stdout.write("Content-Length: 50000000\n\n")
        for number in range(5000):
            stdout.write(b"x" * 10_000)
            written.append(number)
        read_on.set()

    running = serve_script(main)
    peer = running.connect().send(get("/script"))
    peer.read_head()
    assert not read_on.wait(0.3)  # what is measured is that it does not go on
    assert len(written) < 4000
    count = len(peer._buffer)
    while count < 50_000_000:
        count += len(peer.sock.recv(65536))
    assert read_on.wait(10.0)


def test_a_script_whose_client_has_gone_comes_to_its_end(serve_script):
    ended = threading.Event()

    def main(env, stdin, stdout):
        stdout.write("\n")
        for _ in range(2000):
            stdout.write(b"x" * 10_000)
        ended.set()

    running = serve_script(main)
    peer = running.connect().send(get("/script"))
    peer.read_head()
    peer.sock.close()
    assert ended.wait(10.0)


def test_the_environment_is_that_of_cgi(serve_script):
    envs = []
    running = serve_script(lambda env, stdin, stdout: envs.append(env))
    running.ask(get("/script/a%20b?q=%20", "X-Test: one", "X_Test: spoof"))
    [env] = envs
    assert (env["SCRIPT_NAME"], env["PATH_INFO"]) == ("/script", "/a b")
    assert env["PATH_TRANSLATED"] == "/srv/a b"
    assert (env["QUERY_STRING"], env["REQUEST_METHOD"]) == ("q=%20", "GET")
    assert (env["HTTP_X_TEST"], env["REMOTE_ADDR"]) == ("one", "127.0.0.1")
    assert env["SERVER_PORT"] == str(running.port)


def test_the_body_is_a_file(serve_script):
    def main(env, stdin, stdout):
        stdout.write("\n")
        stdout.write(env["CONTENT_LENGTH"].encode() + stdin.read())

    running = serve_script(main)
    assert running.ask(post("/script", b"body"))[2] == b"4body"
    assert running.ask(post("/script", b""))[2] == b"0"


def test_a_post_without_a_length_is_told_so(serve_script):
    running = serve_script(lambda env, stdin, stdout: None)
    chunked = b"POST /script HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert running.ask(chunked)[0] == 411


def test_a_script_that_fails_is_a_500_and_its_thread_goes_on(serve_script, caplog):
    def main(env, stdin, stdout):
        if env["PATH_INFO"]:
            stdout.write("Content-Type: text/plain\n\nhalf of")
            raise ValueError("boom")
        stdout.write("\nfine")

    running = serve_script(main)
    for _ in range(3):
        status, _, body = running.ask(get("/script/boom"))
        assert status == 500
        assert b"half" not in body
    assert "boom" in caplog.text
    assert running.get("/script") == b"fine"


def test_a_script_that_fails_in_the_middle_breaks_off_visibly(serve_script):
    def main(env, stdin, stdout):
        stdout.write("\n" + "x" * 10_000)
        raise ValueError("boom")

    peer = serve_script(main).connect().send(get("/script"))
    assert not peer.read_to_end().endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("head", ["Status: fine", "Status: 99", "X-Y: a\x01b", "Status:"])
def test_a_head_that_cannot_go_on_the_wire_is_a_502(serve_script, head):
    running = serve_script(lambda env, stdin, stdout: stdout.write(f"{head}\n\nbody"))
    assert running.ask(get("/script"))[0] == 502


def test_a_script_may_end_early(serve_script):
    def main(env, stdin, stdout):
        stdout.write("\nenough")
        raise SystemExit(0)

    assert serve_script(main).get("/script") == b"enough"


def test_only_the_first_part_of_the_path_selects_a_script(serve_script):
    running = serve_script(lambda env, stdin, stdout: stdout.write("\nours"))
    assert running.get("/script?q") == b"ours"
    assert running.ask(get("/scripts"))[0] == 404
    assert running.ask(get("/a/script"))[0] == 404


def test_a_module_is_offered_by_its_own_name():
    handler = thread_handler.script_handler(thread_handler.request_queue())
    handler.add_module(pi_module)
    handler.add_module(test_module, "one", "/two")
    assert sorted(handler.modules) == ["/one", "/pi_module", "/two"]
    assert b"Threaded" in handler.status().more()


def test_what_a_thread_runs_is_answered_in_a_shutdown(serve_script):
    begun, may_end = threading.Event(), threading.Event()

    def main(env, stdin, stdout):
        begun.set()
        assert may_end.wait(10.0)
        stdout.write("\nlate")

    running = serve_script(main)
    peer = running.connect().send(get("/script"))
    assert begun.wait(10.0)
    life = running.server.lifetime
    life.shutdown()
    life.call_soon_threadsafe(life.call_later, 0.05, may_end.set)
    status, fields, body = peer.read_reply()
    assert (status, fields["connection"], body) == (200, "close", b"late")


def test_the_threads_end_with_the_shutdown_and_come_back_for_the_next_request(serve_script, serve):
    running = serve_script(lambda env, stdin, stdout: stdout.write("\nhere"))
    assert running.get("/script") == b"here"
    threads = [each for each in threading.enumerate() if each.name == "request_loop"]
    running.stop()
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()
    assert serve(*running.server.handlers).get("/script") == b"here"
    names = [each.name for each in threading.enumerate()]
    assert names.count("request_loop") == 2


@pytest.mark.parametrize(
    "path, part",
    [("/pi?5", b"31415\r\n"), ("/pi?no", b"3141592653589793"), ("/test?a", b"QUERY_STRING<dd>a")],
)
def test_the_demonstrations(serve, path, part):
    queue = thread_handler.request_queue()
    thread_handler.request_loop_thread(queue).start()
    handler = thread_handler.script_handler(queue)
    handler.add_module(pi_module, "pi")
    handler.add_module(test_module, "test")
    assert part in serve(handler).get(path)


def test_a_head_is_found_however_it_comes():
    split = thread_handler.split_head
    assert split(b"A: b", False) is None
    assert split(b"A: b\r\nC", False) is None
    assert split(b"A: b\r\n\r\nbody", False) == ([("A", "b")], b"body")
    assert split(b"A:b\n\nbody", False) == ([("A", "b")], b"body")
    assert split(b"no field\nA: b", False) == ([], b"no field\nA: b")
    assert split(b"A: b\nC: d", True) == ([("A", "b"), ("C", "d")], b"")
    assert split(b"A: b\n", True) == ([("A", "b")], b"")
    assert split(b"A: " + b"b" * 70_000, False) == ([], b"A: " + b"b" * 70_000)


# thread_channel


class closing(thread_channel.thread_channel):
    """Ends the answer with the function."""

    def handle_close(self):
        self.channel.close_when_done()
        thread_channel.thread_channel.handle_close(self)


def test_what_a_function_writes_in_a_thread_goes_out_on_the_channel(serve):
    def work(file, count):
        file.write(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(count):
            file.write(b"x" * 1000)

    running = serve(answers(lambda request: closing(request.channel, work, 2000)))
    data = running.connect().send(get("/")).read_to_end()
    assert data == b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 2_000_000


def test_a_function_that_fails_is_logged_and_leaves_the_map(serve, caplog):
    def work(file):
        raise ValueError("boom")

    running = serve(answers(lambda request: thread_channel.thread_channel(request.channel, work)))
    peer = running.connect().send(get("/"))
    ended = threading.Event()

    def look():
        kinds = [type(each).__name__ for each in asyncore.socket_map.values()]
        if "thread_channel" not in kinds:
            ended.set()

    life = running.server.lifetime
    life.call_soon_threadsafe(life.call_every, 0.01, look)
    assert ended.wait(10.0)
    assert "boom" in caplog.text
    peer.sock.close()


def test_a_function_whose_channel_is_gone_is_told_by_its_file(serve):
    told = threading.Event()

    def work(file):
        try:
            while True:
                file.write(b"x" * 10_000)
        finally:
            told.set()

    running = serve(answers(lambda request: thread_channel.thread_channel(request.channel, work)))
    peer = running.connect().send(get("/"))
    assert peer.read(1) == b"x"
    peer.sock.close()
    assert told.wait(10.0)


def test_what_a_thread_still_writes_is_sent_in_a_shutdown(serve):
    begun, may_end, reasons = threading.Event(), threading.Event(), []

    def work(file):
        file.write(b"HTTP/1.0 200 OK\r\n\r\n")
        begun.set()
        assert may_end.wait(10.0)
        file.write(b"the end")

    running = serve(answers(lambda request: closing(request.channel, work)))
    life = running.server.lifetime
    peer = running.connect().send(get("/"))
    assert begun.wait(10.0)

    def look():
        held = [veto.reason for veto in life.vetoes]
        if any("still writes in a thread" in str(reason) for reason in held):
            reasons.extend(held)
            may_end.set()

    life.on_phase(lambda phase: phase == 3 and life.call_every(0.01, look))
    life.shutdown()
    assert peer.read_to_end().endswith(b"the end")
    assert reasons


def test_the_trigger_is_where_medusa_had_it():
    from servers.medusa import select_trigger as elsewhere

    assert select_trigger.trigger is elsewhere.trigger
    assert issubclass(thread_handler.thread_output_file, elsewhere.trigger_file)


def test_a_thread_output_file_closes_its_channel_behind_what_was_written(serve):
    def answer(request):
        file = thread_handler.thread_output_file(request.channel)

        def work():
            file.write("HTTP/1.0 200 OK\r\n\r\nby hand")
            file.close()

        threading.Thread(target=work).start()

    peer = serve(answers(answer)).connect().send(get("/"))
    assert peer.read_to_end() == b"HTTP/1.0 200 OK\r\n\r\nby hand"
