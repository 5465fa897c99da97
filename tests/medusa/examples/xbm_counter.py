"""The counter that is an image: an X bitmap, because it can be written without a library."""
import asyncore
import sys

from medusa import http_server, producers

DIGITS = {
    '0': (0x3c, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x3c),
    '1': (0x18, 0x1c, 0x18, 0x18, 0x18, 0x18, 0x18, 0x7e),
    '2': (0x3c, 0x66, 0x60, 0x30, 0x18, 0x0c, 0x06, 0x7e),
}


class xbm_handler:

    def __init__(self):
        self.hits = 9

    def match(self, request):
        return request.uri == '/counter.xbm'

    def handle_request(self, request):
        self.hits = self.hits + 1
        digits = str(self.hits)
        rows = []
        for y in range(8):
            for d in digits:
                rows.append('0x%02x' % DIGITS[d][y])
        lines = ['#define count_width %d' % (8 * len(digits)),
                 '#define count_height 8',
                 'static char count_bits[] = {',
                 ', '.join(rows) + '};']
        request['Content-Type'] = 'image/x-xbitmap'
        request['Pragma'] = 'no-cache'
        request.push(producers.lines_producer(lines))
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(xbm_handler())
    print('images on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
