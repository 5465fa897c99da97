"""ZServer's FTPServer: medusa's, whose commands are published by threads."""

from __future__ import annotations

import logging
import os
import posixpath
import time
from tempfile import SpooledTemporaryFile
from typing import Any

from servers import zserver
from servers.medusa.filesys import unix_longify
from servers.medusa.ftp_data import data_connection
from servers.medusa.ftp_server import ftp_channel, ftp_server, recv_channel, xmit_channel
from servers.zserver import PubCore
from servers.zserver.FTPRequest import FTPRequest
from servers.zserver.FTPResponse import make_response

__all__ = ["FTPLimiter", "FTPServer", "recv_channel", "xmit_channel", "zope_ftp_channel"]

log = logging.getLogger("servers")


class FTPLimiter:
    """How many may be logged in: anonymous ones, of each user, and all together."""

    def __init__(self, anon_limit: int = 10, user_limit: int = 1, total_limit: int = 25) -> None:
        self.anon_limit = anon_limit
        self.user_limit = user_limit
        self.total_limit = total_limit

    def check_limit(self, channel: Any) -> bool:
        """Whether one more, this one, may be."""
        others = [each for each in channel.server.channels if each.authorized and each != channel]
        same = sum(each.userid == channel.userid for each in others)
        limit = self.anon_limit if channel.userid == "anonymous" else self.user_limit
        return same < limit and len(others) < self.total_limit


class published_connection(data_connection):
    """A data connection; what has been received is acknowledged when it has been published."""

    def close(self) -> None:
        """Close it, and have an upload published that is complete."""
        if self._closed:
            return
        upload = self.receive and self.file_obj
        if upload and self.transfer_finished:
            self._resp = ()
            self.cmd_channel.publishing = "STOR"  # whatever comes next waits for that
        super().close()
        if upload:
            self.cmd_channel.received(upload.fd, self.transfer_finished)


class body_file(SpooledTemporaryFile[bytes]):
    """An upload on its way: behind the data connection's end it is still open."""

    name: Any = "upload"

    def close(self) -> None:
        """The data connection has ended; the file is needed."""

    def discard(self) -> None:
        """It is not needed any more."""
        super().close()


class zope_ftp_channel(ftp_channel):
    """One client; what its commands say is published, one after the other.

    publishing: the command that a thread works for; "" if none does.
    """

    dtp_handler = published_connection
    read_only = 0
    userid = ""
    anonymous = 0
    path = "/"
    fromfile = ""
    publishing = ""

    def __init__(self, server: Any, conn: Any, addr: Any, module: Any) -> None:
        self.module = module
        self.userid = ""
        super().__init__(server, conn, addr)

    # Publishing

    def publish(self, command: str, path: str, callback: Any, *args: Any, **settings: Any) -> None:
        """Have a command answered by a thread; `callback(*args, response)` goes on in the loop."""
        self.publishing = command
        response = make_response(self, self._published, callback, args)
        request = FTPRequest(path, command, self, response, **settings)
        PubCore.handle(self.module, request, response)

    def _published(self, callback: Any, args: tuple[Any, ...], response: Any) -> None:
        self.publishing = ""
        if self._closed:
            return
        try:
            callback(*args, response)
        except Exception:
            log.exception("%s: an answer cannot be used", self.shutdown_name)
            self.server.total_exceptions.increment()
            self.respond("451 Server Error: the log of the server says why.")
        self._go_on()

    def _go_on(self) -> None:
        if not self._quit_pending:
            super()._go_on()
        elif not (self._closed or self.publishing or self.is_transferring or self.awaits_data):
            self.close_when_done()

    def _on_dtp_close(self) -> None:
        if self._quit_pending and self.publishing and not self._closed:
            self.data_channel = None  # an upload is complete, and the client waits for its reply
        else:
            super()._on_dtp_close()

    def refuse_by(self, response: Any, reply: str) -> None:
        """Say that the application has said no."""
        unauthorized = response.getStatus() in (401, 403)
        self.respond("530 Unauthorized." if unauthorized else reply)

    def report(self, done: str, failed: str, response: Any) -> None:
        """Say whether the application has said yes."""
        if response.getStatus() < 300:
            self.respond(done)
        else:
            self.refuse_by(response, failed)

    def _is_held(self) -> bool:
        return bool(self.publishing) or super()._is_held()

    def occupation(self) -> str:
        """What keeps us busy."""
        return f"publishing {self.publishing}" if self.publishing else super().occupation()

    def handle_timeout(self) -> None:
        """The client was idle; not while it waits for us."""
        if not self.publishing:
            super().handle_timeout()

    def abort(self) -> None:
        """Close although we are not through."""
        if self.publishing and self.data_channel is None:
            self.lifetime.tally.cut += 1
        super().abort()

    # Paths

    def absolute(self, line: list[str]) -> str:
        """The path that a command names."""
        path = posixpath.normpath(posixpath.join(self.path, line[1] if len(line) > 1 else ""))
        return f"/{path.lstrip('/')}"

    # Commands

    def cmd_user(self, line: list[str]) -> None:
        """Specify user name, with @ and a path where to begin."""
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        self.user = line[1]
        self.userid, _, path = line[1].partition("@")
        self.path = f"/{path.strip('/')}"
        self.authorized = 0
        self.respond("331 Password required.")

    def cmd_pass(self, line: list[str]) -> None:
        """Specify password."""
        self.username = self.userid
        self.password = line[1] if len(line) > 1 else ""
        self.publish("PASS", self.path, self.pass_completion)

    def pass_completion(self, response: Any) -> None:
        """The application has looked at the password."""
        if response.getStatus() != 200:
            self.handle_auth_failed("Login incorrect.", self.password)
        elif not self.server.limiter.check_limit(self):
            self.refuse("421 User limit reached. Closing connection.")
        else:
            self.authorized = 1
            self.anonymous = int(self.userid == "anonymous")
            self.logged_in()
            self.respond("230 Login successful.")

    def cmd_quit(self, line: list[str]) -> None:
        """Terminate session, behind what is being published."""
        if not self.publishing:
            super().cmd_quit(line)
            return
        self.respond("221 Goodbye.")
        self._quit_pending = True
        self.del_channel()

    def cmd_pwd(self, line: list[str]) -> None:
        """Print the current working directory."""
        folder = self.path.replace('"', '""')
        self.respond(f'257 "{folder}" is the current directory.')

    def cmd_cwd(self, line: list[str]) -> None:
        """Change working directory."""
        path = self.absolute(line)
        self.publish("CWD", path, self.cwd_completion, path)

    def cwd_completion(self, path: str, response: Any) -> None:
        """The application has looked for the folder."""
        if response.getStatus() == 200:
            self.path = path
        self.report("250 CWD command successful.", "550 No such directory.", response)

    def cmd_cdup(self, line: list[str]) -> None:
        """Change to parent of current working directory."""
        self.cmd_cwd(["cdup", ".."])

    def _list(self, line: list[str], long: int) -> None:
        words = [each for each in line[1:] if not each.startswith("-")]
        path = self.absolute(["list", *words])
        self.publish("LST", path, self.listdir_completion, long)

    def listdir_completion(self, long: int, response: Any) -> None:
        """The application has given (name, status) of what is there, or of one thing."""
        if response.getStatus() != 200:
            self.refuse_by(response, "550 Could not list directory.")
            return
        found = response._marshalledBody()
        if found and isinstance(found[0], str | bytes):
            found = (found,)
        lines = [_line(name, status, long) for name, status in found]
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} mode data connection for file list")
        self.make_xmit_channel()
        self.client_dc.push("".join(f"{each}\r\n" for each in lines))
        self.client_dc.close_when_done()

    def cmd_mdtm(self, line: list[str]) -> None:
        """Show last modification time of file."""
        self._publish_named("MDTM", line, self.mdtm_completion)

    def mdtm_completion(self, response: Any) -> None:
        """The application has given the status."""
        if response.getStatus() == 200:
            changed = time.gmtime(response._marshalledBody()[8])
            self.respond(f"213 {time.strftime('%Y%m%d%H%M%S', changed)}")
        else:
            self.refuse_by(response, "550 Error getting file modification time.")

    def cmd_size(self, line: list[str]) -> None:
        """Return size of file."""
        self._publish_named("SIZE", line, self.size_completion)

    def size_completion(self, response: Any) -> None:
        """The application has given the status."""
        if response.getStatus() == 200:
            self.respond(f"213 {int(response._marshalledBody()[6])}")
        else:
            self.refuse_by(response, "550 Error getting file size.")

    def cmd_retr(self, line: list[str]) -> None:
        """Retrieve a file."""
        position, self.restart_position = self.restart_position, 0
        self._publish_named("RETR", line, self.retr_completion, line[-1], position)

    def retr_completion(self, name: str, position: int, response: Any) -> None:
        """The application has given the content."""
        if response.getStatus() != 200:
            self.refuse_by(response, "550 Error opening file.")
            return
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} mode data connection for file '{name}'")
        self.make_xmit_channel()
        self.client_dc.push(response.content[position:])
        self.client_dc.close_when_done()

    def cmd_stor(self, line: list[str], mode: str = "w") -> None:
        """Store a file."""
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        if self.restart_position:
            self.restart_position = 0
            self.respond("553 restart on STOR not yet supported")
            return
        self.storing = self.absolute(line)
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} connection for {line[1]}")
        self.make_recv_channel(body_file(max_size=zserver.LARGE_FILE_THRESHOLD))

    def received(self, body: Any, complete: bool) -> None:
        """An upload has ended."""
        if not complete or self._closed:
            self.publishing = ""
            body.discard()
            return
        body.seek(0)
        self.publish("STOR", self.storing, self.stor_completion, body, stdin=body)

    def stor_completion(self, body: Any, response: Any) -> None:
        """The application has stored it."""
        body.discard()
        self.report("226 Transfer complete.", "426 Error creating file.", response)

    def cmd_appe(self, line: list[str]) -> None:
        """Append to a file, which no application can."""
        self.respond("502 Command not implemented.")

    def cmd_rnfr(self, line: list[str]) -> None:
        """Specify what is to be renamed."""
        self._publish_named("RNFR", line, self.rnfr_completion, self.absolute(line))

    def rnfr_completion(self, path: str, response: Any) -> None:
        """The application has looked for it."""
        if response.getStatus() == 200:
            self._rnfr = path
        done = "350 RNFR command successful. Ready for destination name."
        self.report(done, "550 No such file or directory.", response)

    def cmd_rnto(self, line: list[str]) -> None:
        """Rename it."""
        source, self._rnfr = self._rnfr, None
        target = self.absolute(line)
        if not source or len(line) < 2:
            self.respond("503 Use RNFR first.")
        elif posixpath.dirname(source) != posixpath.dirname(target):
            self.respond("550 It can be given another name, but not another folder.")
        else:
            replies = "250 RNTO command successful.", "550 Error renaming file."
            new_id = posixpath.basename(target)
            self.publish("RNTO", source, self.report, *replies, new_id=new_id)

    def cmd_dele(self, line: list[str]) -> None:
        """Delete a file."""
        replies = "250 DELE command successful.", "550 Error deleting file."
        self._publish_named("DELE", line, self.report, *replies)

    def cmd_mkd(self, line: list[str]) -> None:
        """Make a directory."""
        replies = "257 MKD command successful.", "550 Error creating directory."
        self._publish_named("MKD", line, self.report, *replies)

    def cmd_rmd(self, line: list[str]) -> None:
        """Remove a directory."""
        replies = "250 RMD command successful.", "550 Error removing directory."
        self._publish_named("RMD", line, self.report, *replies)

    cmd_xpwd = cmd_pwd
    cmd_xmkd = cmd_mkd
    cmd_xrmd = cmd_rmd

    def cmd_feat(self, line: list[str]) -> None:
        """List what is beyond the standard of 1985."""
        self.push("211-Extensions supported:\r\n MDTM\r\n SIZE\r\n REST STREAM\r\n")
        self.respond("211 End.")

    def _publish_named(self, command: str, line: list[str], callback: Any, *args: Any) -> None:
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
        else:
            self.publish(command, self.absolute(line), callback, *args)


def _line(name: Any, status: Any, long: int) -> str:
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    return unix_longify(text, os.stat_result(status[:10])) if long else text


class FTPServer(ftp_server):
    """Publishes `module` for FTP clients, see `servers.zserver.PubCore`.

    settings: those of `ftp_server`, but for the authorizer: the application says who may.
    """

    SERVER_IDENT = "ZServer FTP"
    ftp_channel_class: Any = zope_ftp_channel
    limiter = FTPLimiter()

    def __init__(
        self,
        module: Any,
        ip: str = "",
        hostname: str | None = None,
        port: int = 21,
        resolver: Any = None,
        logger_object: Any = None,
        **settings: Any,
    ) -> None:
        self.module = module
        super().__init__(None, hostname, ip, port, resolver, logger_object, **settings)

    def build_channel(self, sock: Any, addr: Any) -> Any:
        """The channel for a connection."""
        self.total_sessions.increment()
        return self.ftp_channel_class(self, sock, addr, self.module)
