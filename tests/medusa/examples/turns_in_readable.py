"""Counts the turns of the loop in readable(), which nobody should do and everybody did."""
import asyncore
import socket
import sys

from medusa import http_server
from medusa.counter import counter


class turn_counter(asyncore.dispatcher):
    """Is in the map only to be asked."""

    def __init__(self):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.turns = counter()

    def readable(self):
        self.turns.increment()
        return 0

    def writable(self):
        return 0


class turns_handler:

    def __init__(self, turns):
        self.turns = turns
        self.last = 0

    def match(self, request):
        return request.uri == '/turns'

    def handle_request(self, request):
        now = self.turns.as_long()
        if now > self.last:
            s = 'it turns\n'
        else:
            s = 'it stands still\n'
        self.last = now
        request['Content-Length'] = len(s)
        request['Content-Type'] = 'text/plain'
        request.push(s)
        request.done()


if __name__ == '__main__':
    t = turn_counter()
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(turns_handler(t.turns))
    print('turning on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
