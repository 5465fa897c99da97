"""The handlers that medusa brought with it."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import pwd
import sys
import tempfile
import threading
import time
import xmlrpc.client
from collections.abc import Sized

import pytest

from servers.file_cache import FileCache
from servers.filesystem import Filesystem
from servers.medusa import (
    auth_handler,
    default_handler,
    filesys,
    logger,
    put_handler,
    redirecting_handler,
    script_handler,
    status_handler,
    unix_user_handler,
    virtual_handler,
    xmlrpc_handler,
)
from tests.medusa.conftest import get, post
from tests.medusa.test_replies import answers, hello_handler


def basic(credentials):
    token = base64.b64encode(credentials.encode()).decode()
    return f"Authorization: Basic {token}"


def test_names_and_passwords(serve):
    handler = auth_handler.auth_handler({"me": "pw"}, hello_handler())
    running = serve(handler)
    assert running.ask(get("/hello"))[1]["www-authenticate"] == 'Basic realm="default"'
    assert running.ask(get("/hello", basic("me:wrong")))[0] == 401
    assert running.ask(get("/hello", "Authorization: Basic !"))[0] == 400
    assert running.ask(get("/hello", basic("me:pw")))[2] == b"hello"
    assert (handler.pass_count.as_long(), handler.fail_count.as_long()) == (1, 3)


def test_a_refusal_that_is_overridden_counts_for_itself_as_the_original_did(serve):
    class my_handler(auth_handler.auth_handler):
        def handle_unauthorized(self, request):
            self.fail_count.increment()
            request.error(401)

    handler = my_handler({"me": "pw"}, hello_handler())
    assert serve(handler).ask(get("/hello"))[0] == 401
    assert handler.fail_count.as_long() == 1


def test_an_authorizer_of_ones_own_decides(serve):
    class my_authorizer:
        def authorize(self, auth_info):
            user, password = auth_info
            return user == password

    class whoami:
        def match(self, request):
            return 1

        def handle_request(self, request):
            request.push(request.auth_info[0])
            request.done()

    handler = auth_handler.auth_handler(whoami(), "my realm")
    handler.authorizer = my_authorizer()
    running = serve(handler)
    assert running.ask(get("/", basic("me:me")))[2] == b"me"
    assert running.ask(get("/"))[1]["www-authenticate"] == 'Basic realm="my realm"'


def test_handle_unauthorized_may_be_overridden(serve):
    class my_handler(auth_handler.auth_handler):
        def handle_unauthorized(self, request):
            request["Location"] = "/login"
            request.error(302)

    assert serve(my_handler({}, hello_handler())).ask(get("/hello"))[0] == 302


def test_a_put_that_breaks_off_leaves_the_old_file_alone(serve, tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    fs = filesys.os_filesystem(str(tmp_path))
    running = serve(put_handler.put_handler(fs, "/.*"), hello_handler())
    peer = running.connect()
    peer.send(b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
    peer.sock.close()
    assert running.get("/hello") == b"hello"
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_chunked_put_is_decoded(serve, tmp_path):
    fs = filesys.os_filesystem(str(tmp_path))
    running = serve(put_handler.put_handler(fs, "/.*"))
    head = b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert running.ask(head + b"3\r\nnew\r\n0\r\n\r\n")[0] == 201
    assert (tmp_path / "x").read_bytes() == b"new"


def test_a_redirect_does_not_let_line_ends_through(serve):
    running = serve(redirecting_handler.redirecting_handler("/old/(.*)", "/new/%s"))
    status, fields, _ = running.ask(get("/OLD/a%0db%20c"))
    assert (status, fields["location"]) == (302, "/new/a%0Db%20c")


def test_a_virtual_host_is_asked_for_by_name(serve):
    running = serve(virtual_handler.virtual_handler(hello_handler(), "www.example"))
    assert running.ask(b"GET /hello HTTP/1.1\r\nHost: WWW.example:80\r\n\r\n")[0] == 200
    assert running.ask(get("/hello"))[0] == 404


def test_the_status_page_shows_who_has_something_to_say(serve, tmp_path):
    tail = status_handler.logger_for_status(logger.tail_logger(logger.multi_logger([])))
    files = default_handler.default_handler(filesys.os_filesystem(str(tmp_path)))
    running = serve(files)
    page = status_handler.status_extension([running.server, files, tail])
    running.server.install_handler(page)
    tail.log("a <line>\n")
    peer = running.connect().send(get("/status"))
    peer.read_head()
    body = peer.read_chunked()
    for expected in (b"HTTP Server (V1.11)", b"Files Delivered", b"a &lt;line&gt;", b"Clients:"):
        assert expected in body
    assert running.ask(get("/status/nothing"))[0] == 404
    peer.send(get("/status/channel_list"))
    peer.read_head()
    assert b"http_channel" in peer.read_chunked()
    peer.send(get(f"/status/object/{id(tail)}/"))
    peer.read_head()
    assert peer.read_chunked() == b"a <line>\r\n"


class files(default_handler.default_handler):
    """Sends its own type for one kind of file."""

    def set_content_type(self, path, request):
        if path.endswith(".own"):
            request["Content-Type"] = "application/x-own"
        else:
            default_handler.default_handler.set_content_type(self, path, request)


class memory_filesystem(filesys.abstract_filesystem):
    """A back end of one's own."""

    files = {"a.txt": b"in memory"}  # noqa: RUF012

    def isdir(self, path):
        return path in ("", "/")

    def isfile(self, path):
        return path in self.files

    def stat(self, path):
        return os.stat_result((0o100644, 0, 0, 1, 0, 0, len(self.files[path]), 0, 0, 0))

    def open(self, path, mode):
        return io.BytesIO(self.files[path])


def test_a_content_type_may_be_overridden(serve, tmp_path):
    (tmp_path / "x.own").write_bytes(b"own")
    running = serve(files(filesys.os_filesystem(str(tmp_path))))
    assert running.ask(get("/x.own"))[1]["content-type"] == "application/x-own"


def test_a_filesystem_of_ones_own_is_served(serve):
    running = serve(default_handler.default_handler(memory_filesystem()))
    assert running.get("/a.txt") == b"in memory"
    assert running.ask(get("/b.txt"))[0] == 404


def kept(folder):
    """A filesystem whose files have been at rest for long enough to be kept in memory."""
    fs = filesys.os_filesystem(str(folder))
    everything = Filesystem("/", follow_links=True, hidden=True)
    fs.kept_files = FileCache(everything, clock=lambda: time.time() + 3600)
    return fs


def test_a_small_file_is_kept_in_memory_until_it_changes(serve, tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    fs = kept(tmp_path)
    running = serve(default_handler.default_handler(fs))
    assert [running.get("/x") for _ in range(3)] == [b"old"] * 3
    assert fs.kept_files.used
    status, fields, _ = running.ask(get("/x"))
    since = f"If-Modified-Since: {fields['last-modified']}"
    assert (status, running.ask(get("/x", since))[0]) == (200, 304)
    (tmp_path / "x").write_bytes(b"new")
    assert running.get("/x") == b"new"
    (tmp_path / "x").unlink()
    assert running.ask(get("/x"))[0] == 404


def test_however_many_filesystems_have_one_bound_for_what_they_keep(tmp_path):
    filesystems = [filesys.os_filesystem(str(tmp_path)), filesys.msdos_filesystem("/")]
    assert len({id(each.kept_files) for each in filesystems}) == 1


@pytest.mark.parametrize(
    "length", ["\xb2", "1" * 5000, "0" * 5000 + "1"], ids=["no digit", "huge", "with zeros"]
)
def test_a_length_that_is_none_costs_a_client_nothing(serve, tmp_path, length):
    (tmp_path / "x").write_bytes(b"1")
    running = serve(default_handler.default_handler(filesys.os_filesystem(str(tmp_path))))
    since = running.ask(get("/x"))[1]["last-modified"]
    known = running.ask(get("/x", f"If-Modified-Since: {since}; length={length}"))[0]
    assert known == (200 if length[0] == "1" else 304)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user for a while")
def test_what_is_kept_is_not_for_a_user_who_may_not_read_it(serve):
    class as_nobody(default_handler.default_handler):
        def handle_request(self, request):
            if request.get_header("X-As-Nobody"):
                os.seteuid(65534)
            try:
                default_handler.default_handler.handle_request(self, request)
            finally:
                os.seteuid(0)

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name, mode in (("secret", 0o600), ("public", 0o644)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(b"x")
                os.fchmod(file.fileno(), mode)
        running = serve(as_nobody(kept(folder)))
        assert [running.get("/secret"), running.get("/public")] == [b"x", b"x"]
        assert running.ask(get("/secret", "X-As-Nobody: yes"))[0] == 404
        assert running.ask(get("/public", "X-As-Nobody: yes"))[2] == b"x"
        assert running.get("/secret") == b"x"


def descriptors_of(path):
    """How many of our descriptors are of this file."""
    whole, found = os.stat(path), 0
    for number in range(1024):
        with contextlib.suppress(OSError):
            found += os.path.samestat(os.fstat(number), whole)
    return found


@pytest.mark.parametrize("method", ["set_content_type", "_is_known"])
def test_a_large_file_is_closed_if_the_handler_fails(serve, tmp_path, method):
    (tmp_path / "big").write_bytes(b"x" * 300_000)
    handler = default_handler.default_handler(filesys.os_filesystem(str(tmp_path)))
    failed = []

    def fail(*args):
        failed.append(descriptors_of(tmp_path / "big"))
        raise LookupError("a handler of one's own")

    setattr(handler, method, fail)
    assert serve(handler).ask(get("/big"))[0] == 500
    assert (failed, descriptors_of(tmp_path / "big")) == ([1], 0)


def test_who_waits_at_the_other_end_of_a_fifo_is_not_disturbed(serve, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    running = serve(default_handler.default_handler(filesys.os_filesystem(str(tmp_path))))
    writer = threading.Thread(target=fifo.write_bytes, args=(b"for somebody else",))
    writer.start()
    try:
        assert [running.ask(get("/fifo"))[0] for _ in range(20)] == [404] * 20
        assert writer.is_alive()
    finally:
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        writer.join(10.0)
        os.close(reader)


@pytest.mark.parametrize("path", ["/x", "/"])
def test_a_root_may_be_a_path_of_pathlib(serve, tmp_path, path):
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "index.html").write_bytes(b"x")
    assert serve(default_handler.default_handler(filesys.os_filesystem(tmp_path))).get(path) == b"x"


def test_a_filesystem_may_have_an_abstract_base_as_well(serve, tmp_path):
    class sized_filesystem(filesys.os_filesystem, Sized):
        def __len__(self):
            return 1

    (tmp_path / "x").write_bytes(b"x")
    assert serve(default_handler.default_handler(sized_filesystem(str(tmp_path)))).get("/x") == b"x"


def test_a_folder_is_its_index_and_has_a_slash(serve, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "default.html").write_bytes(b"here")
    (tmp_path / "b").mkdir()
    running = serve(default_handler.default_handler(kept(tmp_path)))
    assert running.get("/a/") == b"here"
    assert running.ask(get("/a?q"))[1]["location"] == "/a/?q"
    assert running.ask(get("/b/"))[0] == 404
    assert running.ask(get("/a/none"))[0] == 404


@pytest.mark.parametrize("name", ["isfile", "open", "stat", "translate", "normalize"])
@pytest.mark.parametrize("where", ["the object", "its class"])
def test_what_is_put_into_a_filesystem_is_asked(serve, tmp_path, name, where):
    (tmp_path / "x").write_bytes(b"x")
    asked = []

    class watched(filesys.os_filesystem):
        pass

    def spy(method):
        def replacement(*args):
            asked.append(name)
            return method(*args)

        return replacement

    fs = watched(str(tmp_path))
    owner = fs if where == "the object" else watched
    running = serve(default_handler.default_handler(fs))
    assert running.get("/x") == b"x"
    setattr(owner, name, spy(getattr(owner, name)))  # after it has served already
    assert running.get("/x") == b"x"
    assert asked


@pytest.mark.parametrize("root", ["{}/", "{}//", "{}/a/..", "."])
def test_a_root_may_be_written_in_any_way(serve, tmp_path, monkeypatch, root):
    (tmp_path / "a").mkdir()
    (tmp_path / "x").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    running = serve(default_handler.default_handler(kept(root.format(tmp_path))))
    assert running.get("/x") == b"x"


def test_a_file_that_is_large_arrives_whole(serve, tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 3_000_000)
    running = serve(default_handler.default_handler(filesys.os_filesystem(str(tmp_path))))
    assert len(running.get("/big")) == 3_000_000


def test_a_folder_of_a_user(serve, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "public_html").mkdir(parents=True)
    (home / "public_html" / "index.html").write_text("mine")
    me = pwd.getpwuid(os.getuid())
    entry = pwd.struct_passwd((*me[:5], str(home), me[6]))
    monkeypatch.setattr(pwd, "getpwnam", {"me": entry}.__getitem__)
    running = serve(unix_user_handler.unix_user_handler("public_html"))
    assert running.get("/~me/") == b"mine"
    assert running.ask(get("/~me"))[1]["location"] == "/~me/"
    assert running.ask(get("/~nobody-here/"))[0] == 404


def test_a_script_prints_its_answer(serve, tmp_path):
    (tmp_path / "a.mpy").write_text(
        "import sys\n"
        "sys.request['Content-Type'] = 'text/plain'\n"
        "print('read', sys.stdin.read())\n"
    )
    running = serve(script_handler.script_handler(filesys.os_filesystem(str(tmp_path))))
    assert running.ask(post("/a.mpy", b"a body"))[2] == b"read a body\n"
    assert running.get("/a.mpy") == b"read \n"
    assert running.ask(b"POST /a.mpy HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 411
    assert running.ask(get("/b.mpy"))[0] == 404


def test_a_module_prints_its_answer(serve):
    class module:
        @staticmethod
        def main(request):
            print("uri", request.uri)

    handler = script_handler.persistent_script_handler()
    handler.add_module("hello", module)
    running = serve(handler)
    status, fields, body = running.ask(get("/hello/there"))
    assert (status, fields["content-type"], body) == (200, "text/html", b"uri /hello/there\n")


def test_a_page_for_errors_may_say_something_else_each_time(serve):
    class numbered:
        number = 0

        def __mod__(self, fields):
            self.number += 1
            return f"incident {self.number}: {fields['message']}"

    page = numbered()

    def fail(request):
        request.DEFAULT_ERROR_MESSAGE = page
        request.error(404)

    running = serve(answers(fail))
    assert running.get("/") == b"incident 1: Not Found"
    assert running.get("/") == b"incident 2: Not Found"


class rpc(xmlrpc_handler.xmlrpc_handler):
    def call(self, method, params):
        if method == "add":
            return sum(params)
        raise NameError(method)


def test_xml_rpc_calls_and_faults(serve):
    pytest.importorskip("defusedxml")
    running = serve(rpc())
    server = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{running.port}/RPC2")
    with server:
        assert server.add(1, 2) == 3
        with pytest.raises(xmlrpc.client.Fault, match="<class 'NameError'>:nothing"):
            server.nothing()


def test_xml_that_grows_is_refused(serve):
    pytest.importorskip("defusedxml")
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
        b"<methodCall><methodName>&b;</methodName></methodCall>"
    )
    assert serve(rpc()).ask(post("/RPC2", bomb))[0] == 400


class rpc_of_old(rpc):
    def __init__(self, offset):
        self.offset = offset


class rpc_of_its_own(rpc_of_old):
    def continue_request(self, data, request):
        request.push(data)
        request.done()


@pytest.fixture
def no_defusedxml(monkeypatch):
    monkeypatch.setitem(sys.modules, "defusedxml", None)
    monkeypatch.setitem(sys.modules, "defusedxml.xmlrpc", None)


@pytest.mark.usefixtures("no_defusedxml")
def test_without_defusedxml_whoever_makes_a_handler_is_told_what_to_install():
    with pytest.raises(ImportError, match=r"pip install 'lifetime-servers\[xmlrpc\]'"):
        rpc_of_old(1)


@pytest.mark.usefixtures("no_defusedxml")
def test_who_reads_calls_in_its_own_way_needs_no_defusedxml(serve):
    assert serve(rpc_of_its_own(1)).ask(post("/RPC2", b"<x/>"))[2] == b"<x/>"


def test_an_xml_rpc_handler_need_not_call_the_constructor_that_medusas_had_not(serve):
    pytest.importorskip("defusedxml")
    call = xmlrpc.client.dumps((1, 2), "add").encode()
    request = (
        b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(call), call)
    )
    assert b"<int>3</int>" in serve(rpc_of_old(1)).ask(request)[2]


@pytest.mark.parametrize("path", ["../x", "/../../x", "a/../../x", "/./x", "//x"])
def test_a_path_cannot_leave_the_root(path, tmp_path):
    fs = filesys.os_filesystem(str(tmp_path))
    assert fs.translate(path) == str(tmp_path / "x")


def test_a_name_that_begins_with_two_dots_is_a_name(tmp_path):
    assert filesys.os_filesystem(str(tmp_path)).translate("/..name") == str(tmp_path / "..name")


def test_a_filesystem_has_a_current_directory(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x").write_text("x")
    fs = filesys.os_filesystem(str(tmp_path))
    assert fs.cwd("sub")
    assert not fs.cwd("nowhere")
    assert (fs.current_directory(), fs.isfile("x")) == ("/sub", True)
    assert fs.cdup()
    assert fs.current_directory() == "/"
    listing = fs.listdir("sub", 1).more().decode()
    assert listing.startswith("-rw")
    assert listing.endswith(" x\r\n")
