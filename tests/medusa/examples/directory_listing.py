"""default_handler with lists of the directories that have no index."""
import asyncore
import html
import os
import sys

from medusa import filesys, http_server
from medusa.default_handler import *


class listing_handler(default_handler):

    def handle_request(self, request):
        path, params, query, fragment = request.split_uri()
        if '%' in path:
            path = unquote(path)
        path = path.lstrip('/')
        if self.filesystem.isdir(path) and path[-1:] in ('', '/'):
            for name in self.directory_defaults:
                if self.filesystem.isfile(path + name):
                    break
            else:
                self.list_directory(request, path)
                return
        default_handler.handle_request(self, request)

    def list_directory(self, request, path):
        names = os.listdir(self.filesystem.translate(path))
        names.sort()
        request['Content-Type'] = 'text/html'
        request.push('<ul>\n')
        for name in names:
            request.push('<li>%s\n' % html.escape(name))
        request.push('</ul>\n')
        request.done()

    def set_content_type(self, path, request):
        # this server was always used for notes
        if path[-4:] == '.nts':
            request['Content-Type'] = 'text/x-notes'
        else:
            default_handler.set_content_type(self, path, request)


if __name__ == '__main__':
    os.mkdir('notes')
    for name in ('a<b.nts', 'c.txt'):
        f = open('notes/' + name, 'w')
        f.write('note\n')
        f.close()
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(listing_handler(filesys.os_filesystem(os.getcwd())))
    print('lists on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
