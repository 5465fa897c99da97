"""Takes mail for testing (RFC 821) and keeps it; the last one is shown by HTTP in the same loop."""
import asynchat
import asyncore
import socket
import sys

from medusa import http_server

MAIL = []


class smtp_channel(asynchat.async_chat):

    def __init__(self, conn):
        asynchat.async_chat.__init__(self, conn)
        self.buffer = []
        self.to = []
        self.in_data = 0
        self.set_terminator(b'\r\n')
        self.reply('220 sink')

    def reply(self, text):
        self.push(text.encode('ascii') + b'\r\n')

    def collect_incoming_data(self, data):
        self.buffer.append(data)

    def found_terminator(self):
        line = b''.join(self.buffer).decode('latin-1')
        self.buffer = []
        if self.in_data:
            self.in_data = 0
            self.set_terminator(b'\r\n')
            MAIL.append((self.to, line))
            self.reply('250 thanks')
            return
        command = line.split(' ')[0].lower()
        method = getattr(self, 'smtp_' + command, None)
        if method is None:
            self.reply('502 %s?' % command)
        else:
            method(line)

    def smtp_helo(self, line):
        self.reply('250 hello')

    def smtp_mail(self, line):
        self.to = []
        self.reply('250 ok')

    def smtp_rcpt(self, line):
        self.to.append(line[line.find(':') + 1:].strip())
        self.reply('250 ok')

    def smtp_data(self, line):
        if not self.to:
            self.reply('503 to whom?')
            return
        self.in_data = 1
        self.set_terminator(b'\r\n.\r\n')
        self.reply('354 go ahead')

    def smtp_quit(self, line):
        self.reply('221 bye')
        self.close_when_done()


class smtp_server(asyncore.dispatcher):

    def __init__(self, port):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind(('127.0.0.1', port))
        self.listen(5)

    def handle_accept(self):
        conn, addr = self.accept()
        smtp_channel(conn)


class mail_handler:

    def match(self, request):
        return 1

    def handle_request(self, request):
        to, text = MAIL[-1]
        request['Content-Type'] = 'text/plain'
        request.push('To: %s\n%s\n' % (', '.join(to), text))
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', 0)
    hs.install_handler(mail_handler())
    s = smtp_server(int(sys.argv[1]))

    def smtp_show(channel, line):
        """SHOW is no command of the RFC: it sends what the HTTP server has."""
        class reader(asyncore.dispatcher_with_send):

            def handle_connect(self):
                pass

            def handle_read(self):
                channel.push(self.recv(8192).split(b'\r\n\r\n', 1)[1])

            def handle_close(self):
                self.close()
        r = reader()
        r.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        r.connect(('127.0.0.1', hs.server_port))
        r.send(b'GET / HTTP/1.0\r\n\r\n')

    smtp_channel.smtp_show = smtp_show
    print('mail on port %d' % s.socket.getsockname()[1])
    sys.stdout.flush()
    asyncore.loop()
