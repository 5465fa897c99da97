"""gopher (RFC 1436): a menu or a file, and the end.  Files go out by a file_producer."""
import asynchat
import asyncore
import os
import socket
import sys

from medusa import filesys, producers


class gopher_channel(asynchat.async_chat):

    ac_in_buffer_size = 512

    def __init__(self, server, conn, addr):
        asynchat.async_chat.__init__(self, conn)
        self.server = server
        self.set_terminator(b'\r\n')
        self.selector = b''

    def collect_incoming_data(self, data):
        self.selector = self.selector + data

    def found_terminator(self):
        path = self.selector.decode('utf-8').split('\t')[0]
        fs = self.server.filesystem
        self.server.requests = self.server.requests + 1
        if fs.isfile(path):
            self.push_with_producer(producers.file_producer(fs.open(path, 'rb')))
        elif fs.isdir(path):
            names = os.listdir(fs.translate(path))
            names.sort()
            for name in names:
                kind = fs.isdir(path + '/' + name) and '1' or '0'
                self.push(('%s%s\t%s/%s\tlocalhost\t70\r\n' % (kind, name, path, name)).encode())
            self.push(b'.\r\n')
        else:
            self.push(('3%s is not here\t\terror.host\t1\r\n.\r\n' % path).encode())
        self.close_when_done()


class gopher_server(asyncore.dispatcher):

    def __init__(self, filesystem, port):
        asyncore.dispatcher.__init__(self)
        self.filesystem = filesystem
        self.requests = 0
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind(('127.0.0.1', port))
        self.listen(5)

    def handle_accept(self):
        conn, addr = self.accept()
        gopher_channel(self, conn, addr)


if __name__ == '__main__':
    os.makedirs('hole/sub')
    f = open('hole/about.txt', 'w')
    f.write('all about gophers\n' * 2)
    f.close()
    s = gopher_server(filesys.os_filesystem('hole'), int(sys.argv[1]))
    print('gopher on port %d' % s.socket.getsockname()[1])
    sys.stdout.flush()
    asyncore.loop()
