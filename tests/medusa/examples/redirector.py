"""The old site has moved: every page it had has a new address, which is counted."""
import asyncore
import re
import sys

from medusa import http_server
from medusa.counter import counter

MOVED = [
    ('/cgi-bin/news([0-9]+)[.]pl', '/news/%s'),
    ('/~webmaster(/.*)', '/staff%s'),
]


class moved_handler:

    def __init__(self, table):
        self.table = []
        for pattern, target in table:
            self.table.append((re.compile(pattern), target, counter()))

    def match(self, request):
        for regex, target, hits in self.table:
            m = regex.match(request.uri)
            if m and m.end() == len(request.uri):
                # kept for handle_request
                request.moved_to = target % m.group(1)
                hits.increment()
                return 1
        return 0

    def handle_request(self, request):
        request['Location'] = request.moved_to
        request.reply_now(301)

    def status(self):
        from medusa.producers import simple_producer
        return simple_producer('%s\n' % [str(h) for r, t, h in self.table])


class report_handler:
    """Reads the counters of the handler in front of it, out of the server's list."""

    def match(self, request):
        return request.uri == '/moved'

    def handle_request(self, request):
        handler = request.channel.server.handlers[0]
        request['Content-Type'] = 'text/plain'
        request.push(handler.status())
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(report_handler())
    hs.install_handler(moved_handler(MOVED))
    print('redirecting on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
