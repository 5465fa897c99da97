"""The page that lists a folder."""

from html.parser import HTMLParser

import pytest

from servers.filesystem import Entry
from servers.http.handlers.listing import listing, quoted


def links(page: bytes) -> list[tuple[str, str]]:
    """Address and text of each link, as a browser sees them."""
    found: list[tuple[str, str]] = []

    class Links(HTMLParser):
        address: str | None = None

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in {"html", "meta", "title", "h1", "ul", "li", "a"}
            self.address = dict(attrs).get("href")

        def handle_data(self, data: str) -> None:
            if self.address is not None:
                found.append((self.address, data))
                self.address = None

    Links().feed(page.decode())
    return found


def test_files_and_folders_are_linked() -> None:
    entries = [Entry("a.txt", False), Entry("folder", True)]
    assert links(listing("/", entries)) == [("a.txt", "a.txt"), ("folder/", "folder/")]


def test_a_folder_below_the_root_links_to_the_one_above() -> None:
    assert links(listing("/folder/", [])) == [("../", "../")]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("two words", "two%20words"),
        ("50%", "50%25"),
        ("a?b#c", "a%3Fb%23c"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("\\evil", "%5Cevil"),
        ("<script>", "%3Cscript%3E"),
        ('"', "%22"),
        ("caf\xe9", "caf%C3%A9"),
        ("{title}", "%7Btitle%7D"),
    ],
)
def test_a_name_may_hold_anything(name: str, address: str) -> None:
    assert links(listing("/", [Entry(name, False)])) == [(address, name)]


def test_a_name_that_is_no_text_still_has_an_address() -> None:
    assert links(listing("/", [Entry("caf\udce9", False)])) == [("caf%E9", "caf?")]


def test_the_path_in_the_title_is_escaped() -> None:
    assert b"<title>/&lt;b&gt;/</title>" in listing("/<b>/", [])


def test_a_slash_inside_a_name_cannot_be() -> None:
    assert quoted("//host") == "%2F%2Fhost"
