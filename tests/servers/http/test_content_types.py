"""The Content-Type of a file, by its name."""

import pytest

from servers.http.content_types import content_type


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/index.html", "text/html; charset=utf-8"),
        ("/INDEX.HTML", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/app.mjs", "text/javascript; charset=utf-8"),
        ("/notes.txt", "text/plain; charset=utf-8"),
        ("/data.json", "application/json"),
        ("/picture.png", "image/png"),
        ("/picture.svg", "image/svg+xml"),
        ("/picture.webp", "image/webp"),
        ("/module.wasm", "application/wasm"),
        ("/font.woff2", "font/woff2"),
    ],
)
def test_what_the_web_is_made_of(path: str, name: str) -> None:
    assert content_type(path) == name


@pytest.mark.parametrize(
    "path", ["/README", "/file.unheard-of", "/.htaccess", "/a.html/b", "/", ""]
)
def test_what_is_not_known_is_just_bytes(path: str) -> None:
    assert content_type(path) == "application/octet-stream"


def test_a_compressed_file_is_what_it_is() -> None:
    assert content_type("/archive.tar.gz") == "application/gzip"
