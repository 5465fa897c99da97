"""A chat room for telnet: say your name first, then talk to everybody."""
import asynchat
import asyncore
import socket
import sys


class chat_channel(asynchat.async_chat):

    def __init__(self, server, sock, addr):
        asynchat.async_chat.__init__(self, sock)
        self.server = server
        self.addr = addr
        self.set_terminator(b'\r\n')
        self.data = b''
        self.nick = None
        self.tell('Nickname?: ')

    def tell(self, text):
        self.push(text.encode('latin-1'))

    def collect_incoming_data(self, data):
        self.data = self.data + data

    def found_terminator(self):
        line = self.data.decode('latin-1')
        self.data = b''
        if self.nick is None:
            self.nick = line.split()[0]
            self.server.say(self, '*** %s joins\r\n' % self.nick)
            self.tell('Hello %s, %d here.\r\n' % (self.nick, len(self.server.channels)))
        elif line == '/quit':
            self.tell('Bye.\r\n')
            self.close_when_done()
        elif line == '/who':
            names = [c.nick for c in self.server.channels if c.nick]
            names.sort()
            self.tell('%s\r\n' % ', '.join(names))
        else:
            self.server.say(self, '<%s> %s\r\n' % (self.nick, line))

    def handle_close(self):
        self.close()

    def close(self):
        if self in self.server.channels:
            self.server.channels.remove(self)
            if self.nick:
                self.server.say(self, '*** %s leaves\r\n' % self.nick)
        asynchat.async_chat.close(self)


class chat_server(asyncore.dispatcher):

    def __init__(self, ip, port):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind((ip, port))
        self.listen(5)
        self.channels = []

    def handle_accept(self):
        conn, addr = self.accept()
        self.channels.append(chat_channel(self, conn, addr))

    def say(self, who, text):
        for channel in self.channels:
            if channel is not who and channel.nick:
                channel.tell(text)


if __name__ == '__main__':
    s = chat_server('127.0.0.1', int(sys.argv[1]))
    print('chat on port %d' % s.socket.getsockname()[1])
    sys.stdout.flush()
    asyncore.loop()
