"""Lists the connections out of the socket map, and closes those that one does not like."""
import asyncore
import sys
import time

from medusa import http_server


class who_handler:

    def match(self, request):
        return request.uri in ('/who', '/kick')

    def channels(self):
        found = []
        for fd, obj in list(asyncore.socket_map.items()):
            if isinstance(obj, http_server.http_channel):
                found.append((obj.channel_number, obj))
        found.sort(key=lambda pair: pair[0])
        return [obj for number, obj in found]

    def handle_request(self, request):
        request['Content-Type'] = 'text/plain'
        for channel in self.channels():
            age = int(time.time()) - channel.creation_time
            me = channel is request.channel and ' (you)' or ''
            young = age < 3600 and 'young' or 'old'
            request.push('%d: %s, %s%s\n' % (channel.channel_number, channel.addr[0], young, me))
            if request.uri == '/kick' and not me:
                channel.close()
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(who_handler())
    print('who on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
