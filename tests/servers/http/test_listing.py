"""The page that lists a folder."""

from html.parser import HTMLParser

import pytest

from servers.filesystem import Contents, Entry
from servers.http.handlers.listing import listing, quoted

TAGS = {"html", "meta", "title", "h1", "table", "tr", "th", "td", "a", "p"}


def listed(path: str, *entries: Entry, left_out: int = 0) -> bytes:
    return listing(path, Contents(list(entries), left_out))


def links(page: bytes) -> list[tuple[str, str]]:
    """Address and text of each link, as a browser sees them."""
    found: list[tuple[str, str]] = []

    class Links(HTMLParser):
        address: str | None = None

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in TAGS
            self.address = dict(attrs).get("href")

        def handle_data(self, data: str) -> None:
            if self.address is not None:
                found.append((self.address, data))
                self.address = None

    Links().feed(page.decode())
    return found


def test_files_and_folders_are_linked() -> None:
    entries = [Entry("folder", True), Entry("a.txt", False)]
    assert links(listed("/", *entries)) == [("folder/", "folder/"), ("a.txt", "a.txt")]


def test_a_file_has_its_size_and_its_date() -> None:
    page = listed("/", Entry("a.txt", False, 1234567, 1_000_000_000))
    assert b'<td align="right">1,234,567</td><td>2001-09-09 01:46</td>' in page


@pytest.mark.parametrize("mtime", [2**62, -(2**62)])
def test_a_date_beyond_all_calendars_is_left_away(mtime: int) -> None:
    assert b'<td align="right">0</td><td></td>' in listed("/", Entry("a.txt", False, 0, mtime))


def test_a_page_says_how_much_it_leaves_out() -> None:
    assert b"and 12 more" in listed("/", left_out=12)
    assert b"more" not in listed("/")


def test_a_folder_below_the_root_links_to_the_one_above() -> None:
    assert links(listed("/folder/")) == [("../", "../")]


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
    assert links(listed("/", Entry(name, False))) == [(address, name)]


def test_a_name_that_is_no_text_still_has_an_address() -> None:
    assert links(listed("/", Entry("caf\udce9", False))) == [("caf%E9", "caf?")]


def test_the_path_in_the_title_is_escaped() -> None:
    assert b"<title>/&lt;b&gt;/</title>" in listed("/<b>/")


def test_a_slash_inside_a_name_cannot_be() -> None:
    assert quoted("//host") == "%2F%2Fhost"
