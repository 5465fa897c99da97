"""The status page, with something of our own on it."""
import asyncore
import sys

from medusa import counter, http_server, producers, status_handler


class ping_handler:

    def __init__(self):
        self.pings = counter.counter()

    def match(self, request):
        return request.uri == '/ping'

    def handle_request(self, request):
        self.pings.increment()
        request['Content-Length'] = 5
        request.push('pong\n')
        request.done()

    def status(self):
        return producers.lines_producer(['<li>Ping <b>handler</b>', '<li>pings: %s' % self.pings])


class status_only(status_handler.status_extension):
    """Nothing of the server, which changes; only the objects that were given."""

    def make_page(self, request):
        request['Content-Type'] = 'text/html'
        for obj in self.objects:
            request.push(obj.status())
        request.push('<p>%s\n' % ', '.join(status_handler.english_bytes(100000).split()))
        request.done()

    def handle_request(self, request):
        self.hit_counter.increment()
        self.make_page(request)


if __name__ == '__main__':
    ping = ping_handler()
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(ping)
    hs.install_handler(status_only([ping]))
    print('status on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
