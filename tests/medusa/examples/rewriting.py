"""Rewrites what is asked for, and lets the others answer: match() returns 0."""
import asyncore
import os
import sys

from medusa import default_handler, filesys, http_server


class rewriting_handler:
    """/en/x is x, in English; ~ is a home that nobody has."""

    def match(self, request):
        path, params, query, fragment = request.split_uri()
        if path[:4] in ('/en/', '/de/'):
            request.language = path[1:3]
            request.uri = path[3:]
            # the cached one is of no use any more
            request._split_uri = None
        elif path[:2] == '/~':
            request.uri = '/index.html'
            request._split_uri = ('/index.html', None, None, None)
        return 0

    def handle_request(self, request):
        pass


class hello_handler:

    words = {'en': 'hello', 'de': 'guten Tag'}

    def match(self, request):
        return request.uri == '/hello'

    def handle_request(self, request):
        s = self.words[getattr(request, 'language', 'en')] + '\n'
        request['Content-Type'] = 'text/plain'
        request['Content-Length'] = len(s)
        request.push(s)
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(default_handler.default_handler(filesys.os_filesystem(os.getcwd())))
    hs.install_handler(hello_handler())
    hs.install_handler(rewriting_handler())
    print('rewriting on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
