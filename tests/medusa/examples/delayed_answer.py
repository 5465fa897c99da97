"""Answers after a while, from a list of things to do that is looked at in an own loop."""
import asyncore
import sys
import time

from medusa import http_server


class scheduler:

    def __init__(self):
        self.events = []
        self.number = 0

    def later(self, delta, callback, *args):
        self.number = self.number + 1
        self.events.append((time.time() + delta, self.number, callback, args))
        self.events.sort(key=lambda e: e[:2])

    def run(self):
        now = time.time()
        while self.events and self.events[0][0] <= now:
            when, number, callback, args = self.events[0]
            del self.events[0]
            callback(*args)


class slow_handler:

    def __init__(self, sched):
        self.sched = sched

    def match(self, request):
        return request.uri[:6] == '/wait/'

    def handle_request(self, request):
        self.sched.later(int(request.uri[6:]) / 1000.0, self.answer, request, request.uri)

    def answer(self, request, text):
        request['Content-Type'] = 'text/plain'
        request['Content-Length'] = len(text) + 1
        request.push(text + '\n')
        request.done()


class stop:
    """The loop goes on for as long as this is not called."""

    running = 1

    def __call__(self, signum, frame):
        self.running = 0


if __name__ == '__main__':
    import signal
    stopped = stop()
    signal.signal(signal.SIGTERM, stopped)
    sched = scheduler()
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(slow_handler(sched))
    print('waiting on port %d' % hs.server_port)
    sys.stdout.flush()
    while stopped.running:
        asyncore.poll(0.02)
        sched.run()
    asyncore.close_all()
