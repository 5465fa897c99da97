"""echo: what you say is said to you.  Stops reading while too much of it waits to be sent."""
import asyncore
import socket
import sys


class echo_channel(asyncore.dispatcher_with_send):

    def readable(self):
        return self.connected and len(self.out_buffer) < 8192

    def handle_read(self):
        data = self.recv(1024)
        if data:
            self.send(data)

    def handle_close(self):
        self.close()

    def handle_expt(self):
        self.close()


class echo_server(asyncore.dispatcher):

    def __init__(self, port):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind(('127.0.0.1', port))
        self.listen(5)

    def writable(self):
        return 0

    def handle_accept(self):
        pair = self.accept()
        if pair is not None:
            echo_channel(pair[0])


if __name__ == '__main__':
    s = echo_server(int(sys.argv[1]))
    print('echo on port %d' % s.socket.getsockname()[1])
    sys.stdout.flush()
    asyncore.loop()
