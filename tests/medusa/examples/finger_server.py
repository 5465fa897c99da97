"""finger: who is it?  One line in, some lines out, and the end (RFC 1288)."""
import asynchat
import asyncore
import socket
import sys

USERS = {
    'rush': 'Sam Rushing\r\nPlan: to serve ten thousand of you.\r\n',
    'guido': 'Guido\r\nNo plan.\r\n',
}


class finger_channel(asynchat.async_chat):

    def __init__(self, conn):
        asynchat.async_chat.__init__(self, conn)
        self.set_terminator(b'\r\n')
        self.line = []

    def collect_incoming_data(self, data):
        self.line.append(data)

    def found_terminator(self):
        name = b''.join(self.line).decode('ascii', 'replace').strip()
        if name[:2] == '/W':
            name = name[2:].strip()
        if not name:
            users = list(USERS.keys())
            users.sort()
            for user in users:
                self.push(user.encode('ascii') + b'\r\n')
        else:
            text = USERS.get(name, '%s: no such user.\r\n' % name)
            self.push(text.encode('ascii', 'replace'))
        self.close_when_done()


class finger_server(asyncore.dispatcher):

    def __init__(self, address):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind(address)
        self.listen(5)

    def handle_accept(self):
        conn, addr = self.accept()
        finger_channel(conn)


if __name__ == '__main__':
    s = finger_server(('127.0.0.1', int(sys.argv[1])))
    print('finger on port %d' % s.socket.getsockname()[1])
    sys.stdout.flush()
    asyncore.loop()
