"""daytime: tells the time and hangs up (RFC 867).  No chat, a plain dispatcher with a buffer."""
import asyncore
import socket
import sys
import time


class time_channel(asyncore.dispatcher):

    def __init__(self, conn):
        asyncore.dispatcher.__init__(self, conn)
        self.buffer = time.strftime('It is %H:%M:%S on %d %b %Y\r\n').encode('ascii')

    def readable(self):
        return 0

    def writable(self):
        return len(self.buffer) > 0

    def handle_write(self):
        sent = self.send(self.buffer)
        self.buffer = self.buffer[sent:]
        if not self.buffer:
            self.close()


class time_server(asyncore.dispatcher):

    def __init__(self, port):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind(('', port))
        self.listen(5)

    def handle_accept(self):
        conn, addr = self.accept()
        time_channel(conn)


if __name__ == '__main__':
    s = time_server(int(sys.argv[1]))
    print('daytime on port %d' % s.socket.getsockname()[1])
    sys.stdout.flush()
    asyncore.loop()
