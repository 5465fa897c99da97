"""A protocol with lengths: "<number of bytes>\\n" and then so many bytes, which are added up."""
import asynchat
import asyncore
import socket
import sys


class sum_channel(asynchat.async_chat):

    def __init__(self, conn):
        asynchat.async_chat.__init__(self, conn)
        self.data = b''
        self.in_header = 1
        self.set_terminator(b'\n')

    def collect_incoming_data(self, data):
        self.data = self.data + data

    def found_terminator(self):
        data, self.data = self.data, b''
        if self.in_header:
            try:
                length = int(data)
            except ValueError:
                self.push(b'a number, please\n')
                self.close_when_done()
                return
            self.in_header = 0
            self.set_terminator(length)
        else:
            total = sum([int(n) for n in data.split()])
            self.push(('%d\n' % total).encode('ascii'))
            self.in_header = 1
            self.set_terminator(b'\n')


class sum_server(asyncore.dispatcher):

    channel_class = sum_channel

    def __init__(self, port):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind(('127.0.0.1', port))
        self.listen(1024)

    def handle_accept(self):
        try:
            conn, addr = self.accept()
        except socket.error:
            return
        self.channel_class(conn)


if __name__ == '__main__':
    s = sum_server(int(sys.argv[1]))
    print('sums on port %d' % s.socket.getsockname()[1])
    sys.stdout.flush()
    asyncore.loop()
