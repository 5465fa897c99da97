"""A channel that looks at the header before anybody else, by a found_terminator of its own."""
import asyncore
import sys

from medusa import http_server

real_found_terminator = http_server.http_channel.found_terminator


def found_terminator(self):
    """Some browsers think that they are robots, and some robots that they are browsers."""
    if not self.current_request:
        lines = self.in_buffer.split('\r\n')
        for i in range(1, len(lines)):
            if lines[i][:11].lower() == 'user-agent:' and lines[i].find('Robot') != -1:
                lines[i] = 'User-Agent: robot'
        # what nobody has asked for yet
        lines.append('X-Seen-By: channel %d' % self.channel_number)
        self.in_buffer = '\r\n'.join(lines)
    real_found_terminator(self)


class seen_handler:

    def match(self, request):
        return request.get_header('x-seen-by') is not None

    def handle_request(self, request):
        s = '%s, seen by %s\n' % (request.get_header('User-Agent'), request.get_header('X-Seen-By'))
        request['Content-Type'] = 'text/plain'
        request['Content-Length'] = len(s)
        request.push(s)
        request.done()


if __name__ == '__main__':
    http_server.http_channel.found_terminator = found_terminator
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(seen_handler())
    print('seen on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
