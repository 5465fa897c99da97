"""Idioms 3 and 4: who answers, and methods in both cases."""

from __future__ import annotations

import re

import pytest

from servers.medusa import http_server
from servers.zserver import HTTPServer
from tests.medusa.conftest import get


class named:
    def __init__(self, name, pattern=".*"):
        self.name = name
        self.pattern = re.compile(pattern)

    def match(self, request):
        return self.pattern.match(request.uri)

    def handle_request(self, request):
        request.push(f"{self.name} {request.uri} {request.split_uri()[0]}")
        request.done()


class rewriting_handler:
    """Changes the uri and declines."""

    def match(self, request):
        request.split_uri()
        if request.uri.startswith("/old/"):
            request.uri = "/new/" + request.uri[5:]
        return 0

    def handle_request(self, request):
        raise AssertionError("it has declined")


class rewriting_the_split_handler(rewriting_handler):
    """The same, with the parts that medusa remembered."""

    def match(self, request):
        path, params, query, fragment = request.split_uri()
        request._split_uri = (path.replace("/old", "/new"), params, query, fragment)
        return 0


class method_handler:
    def __init__(self, *methods):
        self.methods = methods

    def match(self, request):
        return request.command in self.methods

    def handle_request(self, request):
        command = request.command
        request.push(repr((command == "get", command == "GET", command.lower(), str(command))))
        request.done()


def test_the_last_installed_is_asked_first(serve):
    assert serve(named("first"), named("last")).get("/x").startswith(b"last")


def test_one_may_be_installed_behind_all_others(serve):
    running = serve(named("first"))
    running.server.install_handler(named("behind", "/special"), 1)
    assert running.get("/special").startswith(b"first")


def test_a_removed_handler_is_asked_no_more(serve):
    gone = named("gone")
    running = serve(named("first"), gone)
    running.server.remove_handler(gone)
    assert running.get("/x").startswith(b"first")


def test_handlers_are_a_list_that_may_be_touched(serve):
    running = serve(named("first"))
    running.server.handlers[0] = named("other")
    assert running.get("/x").startswith(b"other")


def test_a_handler_that_declines_may_change_the_uri(serve):
    body = serve(named("late"), rewriting_handler()).get("/old/page?q=1")
    assert body == b"late /new/page?q=1 /new/page"


def test_a_handler_that_declines_may_change_the_parts(serve):
    body = serve(named("late"), rewriting_the_split_handler()).get("/old/page?q=1")
    assert body == b"late /old/page?q=1 /new/page"


def test_the_path_is_decoded_once_and_the_query_is_not(serve):
    assert serve(named("x")).get("/a%2541%20b?c=%20") == b"x /a%41 b?c=%20 /a%41 b"


@pytest.mark.parametrize("method", ["get", "GET"])
def test_a_method_may_be_compared_in_either_case(serve, method):
    assert serve(method_handler(method)).get("/") == b"(True, True, 'get', 'GET')"


@pytest.mark.parametrize("method", ["get", "GET"])
def test_zserver_has_methods_in_lower_case_and_compares_in_either(serve, method):
    running = serve(method_handler(method), server=HTTPServer.zhttp_server)
    assert running.get("/") == b"(True, True, 'get', 'get')"


def test_a_method_is_a_key_as_it_looks():
    assert {"GET": 1}[http_server.command_word("GET")] == 1


def test_two_methods_differ():
    assert http_server.command_word("GET") != "POST"


def test_an_exception_in_match_costs_one_request_no_more(serve):
    class broken:
        def match(self, request):
            raise ValueError("boom")

    running = serve(broken())
    assert running.ask(get("/"))[0] == 500
