"""Sessions by cookie: who comes back is known."""
import asyncore
import re
import sys

from medusa import http_server

COOKIE = re.compile('Cookie: .*session=([0-9]+)', re.IGNORECASE)


class session_handler:

    def __init__(self):
        self.sessions = {}

    def match(self, request):
        return 1

    def handle_request(self, request):
        key = http_server.get_header(COOKIE, request.header)
        if key not in self.sessions:
            key = str(len(self.sessions) + 1)
            self.sessions[key] = []
            request['Set-Cookie'] = 'session=%s; path=/' % key
        pages = self.sessions[key]
        pages.append(request.uri)
        s = 'you have seen %s\n' % ' '.join(pages)
        request['Content-Length'] = len(s)
        request['Content-Type'] = 'text/plain'
        request.push(s)
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(session_handler())
    print('sessions on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
