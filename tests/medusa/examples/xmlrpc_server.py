"""Remote calls by XML-RPC: the methods of an object, by a table."""
import asyncore
import sys

from medusa import http_server, xmlrpc_handler


class accounts:

    def __init__(self):
        self.money = {'ann': 10}

    def balance(self, name):
        return self.money[name]

    def deposit(self, name, amount):
        self.money[name] = self.money.get(name, 0) + amount
        return 1


class bank(xmlrpc_handler.xmlrpc_handler):

    def __init__(self, methods):
        self.methods = methods

    def match(self, request):
        return request.uri[:5] == '/bank'

    def call(self, method, params):
        print('call: %s%r' % (method, tuple(params)))
        if method not in self.methods:
            raise NameError(method)
        return self.methods[method](*params)


if __name__ == '__main__':
    a = accounts()
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(bank({'balance': a.balance, 'deposit': a.deposit}))
    print('bank on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
