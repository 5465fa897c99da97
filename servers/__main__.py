"""`python -m servers DIR` is `lifetime serve DIR`; other subcommands go by their names."""

import sys

from servers.command.main import COMMANDS, OPERATOR, SHORT, main

if __name__ == "__main__":
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in (*COMMANDS, *OPERATOR, *SHORT):
        arguments.insert(0, "serve")
    sys.exit(main(arguments))
