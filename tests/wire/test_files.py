"""The Files handler, as clients see it: raw requests over loopback, whole answers read."""

import gzip
import os
import re
from collections.abc import Callable
from contextlib import suppress
from email.parser import BytesParser
from email.utils import formatdate
from pathlib import Path

import pytest

from servers.http.handlers import Files
from servers.http.limits import Limits
from tests.wire.conftest import Served

Answer = tuple[int, dict[str, str], bytes]
Ask = Callable[..., Answer]

TEXT = b"0123456789abcdefghij"
LARGE = bytes(range(256)) * 1024  # too large for memory: it goes out by sendfile()
MTIME = 1_000_000_000
DATE = "Sun, 09 Sep 2001 01:46:40 GMT"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small site, and a secret beside it."""
    root = tmp_path / "root"
    for folder in ("with index", "bare", "bare/below"):
        (root / folder).mkdir(parents=True)
    (root / "index.html").write_text("<title>front page</title>")
    (root / "with index" / "index.html").write_text("the index")
    (root / "bare" / "<b>.txt").write_text("")
    (root / "text.txt").write_bytes(TEXT)
    (root / "large.bin").write_bytes(LARGE)
    (root / "empty").touch()
    (tmp_path / "secret.txt").write_text("secret")
    for path in root.iterdir():
        os.utime(path, (MTIME, MTIME))
    return root


@pytest.fixture
def ask(serve: Callable[..., Served], root: Path) -> Ask:
    """ask(target, *header lines, method, **settings of Files) -> status, fields, body."""

    def ask(target: str, *lines: str, method: str = "GET", **settings: object) -> Answer:
        return request(serve(Files(root, **settings)), target, *lines, method=method)  # type: ignore[arg-type]

    return ask


def request(served: Served, target: str, *lines: str, method: str = "GET") -> Answer:
    head = [f"{method} {target} HTTP/1.1", "Host: test", *lines, "", ""]
    peer = served.connect().send("\r\n".join(head).encode("latin-1"))
    if method == "HEAD":
        status, fields = peer.read_head()
        return int(status.split()[1]), fields, b""
    return peer.read_reply()


# -- whole files -------------------------------------------------------------------------------


def test_a_file(ask: Ask) -> None:
    status, fields, body = ask("/text.txt")
    assert (status, body) == (200, TEXT)
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert fields["content-length"] == "20"
    assert fields["last-modified"] == DATE
    assert fields["accept-ranges"] == "bytes"
    assert re.fullmatch(r'"[0-9a-f]+-14"', fields["etag"])


@pytest.mark.parametrize(("target", "body"), [("/large.bin", LARGE), ("/empty", b"")])
def test_a_large_file_and_an_empty_one(ask: Ask, target: str, body: bytes) -> None:
    assert ask(target)[::2] == (200, body)


@pytest.mark.parametrize("name", ["text.txt", "large.bin"])
def test_files_on_one_connection(serve: Callable[..., Served], root: Path, name: str) -> None:
    peer = serve(Files(root)).connect()
    for _ in range(3):
        peer.send(f"GET /{name} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        assert peer.read_reply()[::2] == (200, (root / name).read_bytes())


@pytest.mark.parametrize("name", ["text.txt", "large.bin"])
def test_a_head_request_is_answered_as_a_get_but_for_the_body(
    serve: Callable[..., Served], root: Path, name: str
) -> None:
    peer = serve(Files(root)).connect()
    peer.send(f"GET /{name} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    of_get = peer.read_reply()[1]
    peer.send(f"HEAD /{name} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    of_head = peer.read_head()[1]
    assert of_head | {"date": ""} == of_get | {"date": ""}
    # The next answer begins where a body would.
    peer.send(b"GET /empty HTTP/1.1\r\nHost: test\r\n\r\n")
    assert peer.read_reply()[0] == 200


def test_a_file_that_changes_between_two_requests(serve: Callable[..., Served], root: Path) -> None:
    served = serve(Files(root))
    first = request(served, "/text.txt")
    (root / "text.txt").write_bytes(b"new")
    second = request(served, "/text.txt")
    assert (first[2], second[2]) == (TEXT, b"new")
    assert first[1]["etag"] != second[1]["etag"]


def test_a_file_from_the_future_has_no_date(ask: Ask, root: Path) -> None:
    os.utime(root / "text.txt", (2**32, 2**32))
    assert "last-modified" not in ask("/text.txt")[1]


def test_names_are_decoded_once(ask: Ask, root: Path) -> None:
    (root / "50%25 \xe9").write_text("odd")
    assert ask("/50%2525%20%C3%A9")[::2] == (200, b"odd")


# -- folders -----------------------------------------------------------------------------------


def test_the_index_stands_for_its_folder(ask: Ask) -> None:
    status, fields, body = ask("/with%20index/")
    assert (status, body) == (200, b"the index")
    assert fields["content-type"] == "text/html; charset=utf-8"


def test_the_first_index_that_exists_is_taken(ask: Ask, root: Path) -> None:
    (root / "default.htm").write_text("default")
    assert ask("/", index=("missing.html", "default.htm", "index.html"))[2] == b"default"


def test_a_folder_is_no_index(ask: Ask) -> None:
    assert ask("/", index=("bare", "index.html"))[2] == b"<title>front page</title>"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/bare", "/bare/"),
        ("/with%20index", "/with%20index/"),
        ("/bare?a=b&c", "/bare/?a=b&c"),
        ("//bare", "/bare/"),
        ("//bare/below", "/bare/below/"),
        ("/bare/.", "/bare/"),
    ],
)
def test_a_folder_without_its_slash_is_redirected(ask: Ask, target: str, location: str) -> None:
    status, fields, _ = ask(target)
    assert (status, fields["location"]) == (301, location)


def test_a_redirect_cannot_lead_to_another_host(ask: Ask, root: Path) -> None:
    (root / "\\evil.example").mkdir()
    assert ask("/%5Cevil.example")[1]["location"] == "/%5Cevil.example/"


def test_a_redirect_keeps_the_prefix(ask: Ask) -> None:
    assert ask("/static/bare", prefix="/static/")[1]["location"] == "/static/bare/"
    assert ask("/static", prefix="/static")[1]["location"] == "/static/"


def test_a_folder_is_not_listed_by_default(ask: Ask) -> None:
    assert ask("/bare/")[0] == 404


def test_a_listing_on_request(ask: Ask) -> None:
    status, fields, body = ask("/bare/", listing=True)
    assert status == 200
    assert fields["content-type"] == "text/html; charset=utf-8"
    assert b'<a href="%3Cb%3E.txt">&lt;b&gt;.txt</a>' in body
    assert b'<a href="below/">below/</a>' in body


def test_a_link_to_itself_costs_a_listing_nothing_else(ask: Ask, root: Path) -> None:
    (root / "bare" / "loop").symlink_to("loop")
    status, _, body = ask("/bare/", listing=True)
    assert (status, b"below/" in body, b"loop" in body) == (200, True, False)


@pytest.mark.parametrize("target", ["/.git/config", "/.git/", "/.env", "/bare/.env"])
def test_hidden_names_are_served_on_request_only(ask: Ask, root: Path, target: str) -> None:
    (root / ".git").mkdir()
    for name in (".git/config", ".env", "bare/.env"):
        (root / name).write_text("hidden")
    assert ask(target, listing=True)[0] == 404
    assert ask(target, listing=True, hidden=True)[0] == 200


def test_well_known_names_are_for_everybody(ask: Ask, root: Path) -> None:
    (root / ".well-known").mkdir()
    (root / ".well-known" / "security.txt").write_text("known")
    (root / ".well-known" / ".env").write_text("hidden")
    assert ask("/.well-known/security.txt")[::2] == (200, b"known")
    assert ask("/.well-known/.env")[0] == 404


def test_a_listing_does_not_replace_an_index(ask: Ask) -> None:
    assert ask("/with%20index/", listing=True)[2] == b"the index"


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/missing",
        "/missing/",
        "/text.txt/",
        "/text.txt/more",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/bare/..%2f..%2fsecret.txt",
        "/" + "n" * 300,
        "/" + "n/" * 2500,
        "/%FF%FE",
        "/text.txt%00.html",
    ],
)
def test_what_is_not_there_is_404(ask: Ask, target: str) -> None:
    assert ask(target, listing=True)[0] == 404


def test_a_fifo_does_not_hold_up_the_loop(ask: Ask, root: Path) -> None:
    os.mkfifo(root / "fifo")
    assert ask("/fifo")[0] == 404


def test_a_link_out_of_the_root_is_403(ask: Ask, root: Path) -> None:
    (root / "link").symlink_to("../secret.txt")
    assert ask("/link")[0] == 403
    assert ask("/link", follow_links=True)[2] == b"secret"


def test_a_path_that_only_begins_like_the_prefix_is_not_ours(ask: Ask, root: Path) -> None:
    (root / "ally").touch()
    assert ask("/static/text.txt", prefix="/static")[2] == TEXT
    assert ask("/statically", prefix="/static")[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(ask: Ask, method: str) -> None:
    status, fields, _ = ask("/text.txt", "Content-Length: 0", method=method)
    assert (status, fields["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_unknown_methods_are_501(ask: Ask) -> None:
    assert ask("/text.txt", method="BREW")[0] == 501


def test_options_tell_what_is_allowed(ask: Ask) -> None:
    status, fields, _ = ask("/text.txt", method="OPTIONS")
    assert (status, fields["allow"]) == (204, "GET, HEAD, OPTIONS")


# -- conditions --------------------------------------------------------------------------------


@pytest.fixture
def etag(ask: Ask) -> str:
    return ask("/text.txt")[1]["etag"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_client_has_is_not_sent_again(ask: Ask, etag: str, method: str) -> None:
    status, fields, _ = ask("/text.txt", f"If-None-Match: {etag}", method=method)
    assert (status, fields["etag"], fields["vary"]) == (304, etag, "Accept-Encoding")
    assert not {"content-length", "content-type"} & set(fields)


def test_a_304_has_no_body(serve: Callable[..., Served], root: Path) -> None:
    peer = serve(Files(root)).connect()
    peer.send(f"GET /text.txt HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: {DATE}\r\n\r\n".encode())
    assert peer.read_head()[0] == "HTTP/1.1 304 Not Modified"
    peer.send(b"GET /text.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    assert peer.read_reply()[::2] == (200, TEXT)


def test_what_was_modified_since_is_sent(ask: Ask) -> None:
    assert ask("/text.txt", f"If-Modified-Since: {formatdate(MTIME - 1, usegmt=True)}")[0] == 200


@pytest.mark.parametrize(
    "line", ['If-Match: "other"', f"If-Unmodified-Since: {formatdate(MTIME - 1, usegmt=True)}"]
)
def test_a_precondition_that_fails_is_412(ask: Ask, line: str) -> None:
    assert ask("/text.txt", line)[0] == 412


def test_what_is_missing_has_no_conditions(ask: Ask) -> None:
    assert ask("/missing", "If-None-Match: *")[0] == 404
    assert ask("/missing", "If-Match: *")[0] == 404


# -- ranges ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sent", "body"),
    [
        ("bytes=0-0", "bytes 0-0/20", b"0"),
        ("bytes=10-", "bytes 10-19/20", b"abcdefghij"),
        ("bytes=-3", "bytes 17-19/20", b"hij"),
        ("bytes=5-99", "bytes 5-19/20", TEXT[5:]),
        ("bytes=0-4,3-6", "bytes 0-6/20", b"0123456"),
    ],
)
def test_a_part_of_a_file(ask: Ask, asked: str, sent: str, body: bytes) -> None:
    status, fields, got = ask("/text.txt", f"Range: {asked}")
    assert (status, fields["content-range"], got) == (206, sent, body)


def test_a_part_of_a_large_file(ask: Ask) -> None:
    status, fields, body = ask("/large.bin", "Range: bytes=1000-200999")
    assert (status, fields["content-range"]) == (206, "bytes 1000-200999/262144")
    assert body == LARGE[1000:201000]


@pytest.mark.parametrize("name", ["text.txt", "large.bin"])
def test_several_parts_of_a_file(ask: Ask, root: Path, name: str) -> None:
    status, fields, body = ask(f"/{name}", "Range: bytes=10-14,0-1,-1")
    assert status == 206
    assert "content-range" not in fields
    head = f"Content-Type: {fields['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + body).get_payload()
    assert isinstance(parts, list)
    data = (root / name).read_bytes()
    assert [part.get_payload(decode=True) for part in parts] == [data[10:15], data[:2], data[-1:]]


def test_a_range_beyond_the_end_is_416(ask: Ask) -> None:
    status, fields, _ = ask("/text.txt", "Range: bytes=20-")
    assert (status, fields["content-range"]) == (416, "bytes */20")


@pytest.mark.parametrize(
    "asked", ["bytes=a-b", "lines=0-1", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 20, 2))]
)
def test_a_range_we_do_not_serve_is_ignored(ask: Ask, asked: str) -> None:
    assert ask("/text.txt", f"Range: {asked}")[::2] == (200, TEXT)


def test_how_many_ranges_are_served_is_a_limit(serve: Callable[..., Served], root: Path) -> None:
    served = serve(Files(root), limits=Limits(ranges=2))
    assert request(served, "/text.txt", "Range: bytes=0-0,5-5")[0] == 206
    assert request(served, "/text.txt", "Range: bytes=0-0,5-5,9-9")[::2] == (200, TEXT)


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=99-"])
def test_a_limit_of_no_ranges_turns_them_off(
    serve: Callable[..., Served], root: Path, asked: str
) -> None:
    served = serve(Files(root), limits=Limits(ranges=0))
    assert request(served, "/text.txt", f"Range: {asked}")[::2] == (200, TEXT)


def test_a_head_request_ignores_ranges(ask: Ask) -> None:
    status, fields, _ = ask("/text.txt", "Range: bytes=0-0", method="HEAD")
    assert (status, fields["content-length"]) == (200, "20")


def test_a_range_of_what_the_client_holds(ask: Ask, etag: str) -> None:
    assert ask("/text.txt", "Range: bytes=0-0", f"If-Range: {etag}")[0] == 206
    assert ask("/text.txt", "Range: bytes=0-0", f"If-Range: {DATE}")[0] == 206


@pytest.mark.parametrize("held", ['"other"', 'W/"other"', formatdate(MTIME + 1, usegmt=True), "x"])
def test_a_range_of_something_else_gives_the_whole(ask: Ask, held: str) -> None:
    assert ask("/text.txt", "Range: bytes=0-0", f"If-Range: {held}")[::2] == (200, TEXT)


def test_conditions_come_before_ranges(ask: Ask, etag: str) -> None:
    assert ask("/text.txt", "Range: bytes=99-", f"If-None-Match: {etag}")[0] == 304


# -- compressed siblings -----------------------------------------------------------------------


@pytest.fixture
def packed(root: Path) -> bytes:
    """The text has a compressed sibling of the same age."""
    data = gzip.compress(TEXT)
    (root / "text.txt.gz").write_bytes(data)
    os.utime(root / "text.txt.gz", (MTIME, MTIME))
    return data


def test_a_compressed_sibling_is_sent_to_those_who_take_it(ask: Ask, packed: bytes) -> None:
    status, fields, body = ask("/text.txt", "Accept-Encoding: br, gzip")
    assert (status, body) == (200, packed)
    assert fields["content-encoding"] == "gzip"
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert fields["vary"] == "Accept-Encoding"


@pytest.mark.usefixtures("packed")
@pytest.mark.parametrize(
    "line", ["X-Nothing: said", "Accept-Encoding: gzip;q=0", "Accept-Encoding: br"]
)
def test_the_file_itself_is_sent_to_all_others(ask: Ask, line: str) -> None:
    _, fields, body = ask("/text.txt", line)
    assert body == TEXT
    assert "content-encoding" not in fields
    assert fields["vary"] == "Accept-Encoding"


@pytest.mark.usefixtures("packed")
def test_the_better_liked_of_two_siblings_is_sent(ask: Ask, root: Path) -> None:
    (root / "text.txt.br").write_bytes(b"brotli")
    assert ask("/text.txt", "Accept-Encoding: gzip, br")[2] == b"brotli"
    assert ask("/text.txt", "Accept-Encoding: gzip, br;q=0.5")[1]["content-encoding"] == "gzip"


@pytest.mark.usefixtures("packed")
def test_a_sibling_has_an_etag_of_its_own(ask: Ask, etag: str) -> None:
    of_sibling = ask("/text.txt", "Accept-Encoding: gzip")[1]["etag"]
    assert of_sibling != etag
    conditional = ("Accept-Encoding: gzip", f"If-None-Match: {of_sibling}")
    assert ask("/text.txt", *conditional)[0] == 304
    assert ask("/text.txt", conditional[1])[0] == 200


def test_a_sibling_that_looks_just_alike_has_an_etag_of_its_own(ask: Ask, root: Path) -> None:
    (root / "text.txt.gz").write_bytes(bytes(len(TEXT)))
    os.utime(root / "text.txt.gz", (MTIME, MTIME))
    etags = [ask("/text.txt", line)[1]["etag"] for line in ("X: y", "Accept-Encoding: gzip")]
    assert etags[0] != etags[1]


def test_a_range_of_a_sibling_counts_compressed_bytes(ask: Ask, packed: bytes) -> None:
    status, fields, body = ask("/text.txt", "Accept-Encoding: gzip", "Range: bytes=0-1")
    assert (status, body) == (206, packed[:2])
    assert fields["content-range"] == f"bytes 0-1/{len(packed)}"


@pytest.mark.usefixtures("packed")
def test_a_sibling_older_than_its_file_is_not_sent(ask: Ask, root: Path) -> None:
    os.utime(root / "text.txt", (MTIME + 1, MTIME + 1))
    assert ask("/text.txt", "Accept-Encoding: gzip")[2] == TEXT


@pytest.mark.usefixtures("packed")
def test_a_sibling_without_its_file_is_not_sent(ask: Ask, root: Path) -> None:
    (root / "text.txt").unlink()
    assert ask("/text.txt", "Accept-Encoding: gzip")[0] == 404


@pytest.mark.usefixtures("packed")
def test_siblings_can_be_turned_off(ask: Ask) -> None:
    _, fields, body = ask("/text.txt", "Accept-Encoding: gzip", precompressed=False)
    assert body == TEXT
    assert "vary" not in fields


def test_a_compressed_file_asked_for_by_name_is_what_it_is(
    serve: Callable[..., Served], root: Path, packed: bytes
) -> None:
    served = serve(Files(root))
    request(served, "/text.txt", "Accept-Encoding: gzip")  # as a sibling it was something else
    _, fields, body = request(served, "/text.txt.gz", "Accept-Encoding: gzip")
    assert body == packed
    assert fields["content-type"] == "application/gzip"
    assert "content-encoding" not in fields


# -- descriptors -------------------------------------------------------------------------------


def times_open(path: Path) -> int:
    """How many of our descriptors are this file?"""
    found = 0
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # the one that listed the folder
            found += os.path.samestat(os.fstat(int(name)), path.stat())
    return found


@pytest.mark.parametrize(
    "line",
    [
        "X: y",
        "Range: bytes=0-0,-1",
        "Range: bytes=999999-",
        "If-None-Match: *",
        'If-Match: "other"',
        "Accept-Encoding: gzip",
        "Accept-Encoding: br",
    ],
)
def test_no_answer_leaves_its_file_open(
    serve: Callable[..., Served], root: Path, line: str
) -> None:
    (root / "large.bin.gz").write_bytes(b"packed")
    (root / "large.bin.br").write_bytes(LARGE)
    os.utime(root / "large.bin.br", (0, 0))  # too old
    served = serve(Files(root))
    request(served, "/large.bin", line)
    request(served, "/empty")  # once this is answered, the loop has done with the other
    assert [times_open(root / name) for name in ("large.bin", "large.bin.br")] == [0, 0]


def test_a_client_that_goes_away_leaves_no_file_open(
    serve: Callable[..., Served], root: Path
) -> None:
    os.truncate(root / "large.bin", 64 * 1024 * 1024)
    served = serve(Files(root))
    peer = served.connect().send(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    peer.read_head()
    assert times_open(root / "large.bin") == 1
    peer.sock.close()
    for _ in range(100):  # every answer is a turn of the loop, in which it may notice
        request(served, "/empty")
    assert times_open(root / "large.bin") == 0
