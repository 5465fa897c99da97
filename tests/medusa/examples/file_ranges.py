"""Parts of a large file, for a download that is taken up again.  The file is read as it is sent."""
import asyncore
import os
import re
import sys

from medusa import http_server, producers

RANGE = re.compile('Range: bytes=([0-9]+)-([0-9]*)', re.IGNORECASE)


class file_part_producer:

    block = 4096

    def __init__(self, filename, start, end):
        self.file = open(filename, 'rb')
        self.file.seek(start)
        self.left = end - start

    def more(self):
        if not self.left:
            return b''
        data = self.file.read(min(self.block, self.left))
        self.left = self.left - len(data)
        if not self.left:
            self.file.close()
        return data


class big_file_handler:

    def __init__(self, filename):
        self.filename = filename

    def match(self, request):
        return request.uri == '/big'

    def handle_request(self, request):
        size = os.stat(self.filename)[6]
        start, end = 0, size
        m = http_server.get_header_match(RANGE, request.header)
        if m:
            start = int(m.group(1))
            if m.group(2):
                end = int(m.group(2)) + 1
            request.reply_code = 206
            request['Content-Range'] = 'bytes %d-%d/%d' % (start, end - 1, size)
        request['Content-Type'] = 'application/octet-stream'
        request['Content-Length'] = end - start
        if request.command == 'GET':
            request.push(file_part_producer(self.filename, start, end))
        request.done()


class sum_handler:
    """What a client may compare with."""

    def match(self, request):
        return request.uri == '/sum'

    def handle_request(self, request):
        p = producers.file_producer(open('big.bin', 'rb'))
        n = 0
        while 1:
            data = p.more()
            if not data:
                break
            n = n + len(data)
        request.push('%d bytes\n' % n)
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(big_file_handler('big.bin'))
    hs.install_handler(sum_handler())
    print('files on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
