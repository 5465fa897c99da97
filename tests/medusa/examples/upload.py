"""Uploads: a body is written to disk as it comes, and how far it is can be asked meanwhile."""
import asyncore
import os
import sys

from medusa import filesys, http_server
from medusa.default_handler import default_handler


class file_collector:

    def __init__(self, handler, request, name):
        self.handler = handler
        self.request = request
        self.name = name
        self.size = int(request.get_header('Content-Length'))
        self.got = 0
        self.file = open(name + '.part', 'wb')
        # ask for it in pieces, to see how it comes along
        self.piece()

    def piece(self):
        self.request.channel.set_terminator(min(4, self.size - self.got))

    def collect_incoming_data(self, data):
        self.file.write(data)
        self.got = self.got + len(data)
        self.handler.progress[self.name] = '%d of %d' % (self.got, self.size)

    def found_terminator(self):
        if self.got < self.size:
            self.piece()
            return
        self.request.channel.set_terminator(b'\r\n\r\n')
        self.file.close()
        os.rename(self.name + '.part', self.name)
        self.handler.continue_request(self.name, self.request)


class upload_handler:

    def __init__(self):
        self.progress = {}

    def match(self, request):
        return request.command in ('PUT', 'put') or request.uri == '/progress'

    def handle_request(self, request):
        if request.uri == '/progress':
            request['Content-Type'] = 'text/plain'
            names = list(self.progress.keys())
            names.sort()
            request.push(''.join(['%s: %s\n' % (n, self.progress[n]) for n in names]))
            request.done()
            return
        name = os.path.basename(request.split_uri()[0])
        if not name:
            request.error(403)
            return
        request.collector = file_collector(self, request, name)

    def continue_request(self, name, request):
        request['Location'] = '/' + name
        request.reply_now(201)


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(default_handler(filesys.os_filesystem(os.getcwd())))
    hs.install_handler(upload_handler())
    print('uploads on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
