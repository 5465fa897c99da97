"""A page that says how many have been here.  The number lies in a file, for the next start."""
import asyncore
import os
import sys

from medusa import counter, http_server

FILE = 'count.txt'


class counter_handler:

    def __init__(self):
        start = 0
        if os.path.exists(FILE):
            f = open(FILE)
            start = int(f.read())
            f.close()
        self.hits = counter.counter(start)

    def match(self, request):
        return request.uri == '/count'

    def handle_request(self, request):
        self.hits.increment()
        f = open(FILE, 'w')
        f.write('%s' % self.hits)
        f.close()
        s = '<html><body>You are visitor number <b>%d</b>.</body></html>\n' % self.hits.as_long()
        request['Content-Type'] = 'text/html'
        request['Content-Length'] = len(s)
        request.push(s)
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('', int(sys.argv[1]))
    hs.install_handler(counter_handler())
    print('counting on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
