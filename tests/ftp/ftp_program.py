"""The FTP server of the how-to as a process: `python -m tests.ftp.ftp_program FOLDER`.

It prints the port when it serves; ann (password secret) may do everything, anonymous may look.
"""

import sys

import lifetime
from servers.ftp import Authorizer, FTPListener


def main(folder: str) -> int:
    """Serve until stopped; the exit status."""
    users = Authorizer()
    users.add_user("ann", "secret", folder, perm="elradfmw")
    users.add_anonymous(folder)
    listener = FTPListener("127.0.0.1", authorizer=users)
    print(listener.port, flush=True)
    return lifetime.run(patience=20.0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
