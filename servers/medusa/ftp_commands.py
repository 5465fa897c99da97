"""What medusa's ftp_channel answers to each command.

The methods `cmd_xxx(line)` are contract: old servers override them, and add their own.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from servers.ftp import FTPChannel
from servers.medusa import producers


class ftp_commands(FTPChannel):
    """A session that knows the commands; line is `[word]`, or `[word, rest]`.

    The first line of a command's docstring is what HELP says.
    """

    #: What moves data: an xmit_channel, or a recv_channel.
    client_dc: Any = None
    restart_position: Any

    type_map: ClassVar = {"a": "ASCII", "i": "Binary", "e": "EBCDIC", "l": "Binary"}
    #: With what files are opened: for bytes, whatever the type.
    type_mode_map: ClassVar = {"a": "b", "i": "b", "e": "b", "l": "b"}

    def cmd_type(self, line: list[str]) -> None:
        """Specify data transfer type."""
        kind = line[1].lower() if len(line) > 1 else ""
        if kind not in ("a", "i", "l"):
            self.command_not_understood(" ".join(line))
            return
        self.current_mode = kind
        self.respond(f"200 Type set to {self.type_map[kind]}.")

    def cmd_quit(self, line: list[str]) -> None:
        """Terminate session."""
        self.respond("221 Goodbye.")
        if self.is_transferring:
            self._quit_pending = True
            self.del_channel()
        else:
            self.close_when_done()

    def cmd_port(self, line: list[str]) -> None:
        """Specify data connection port."""
        numbers = line[1].split(",") if len(line) > 1 else []
        if len(numbers) != 6 or not all(_is_octet(each) for each in numbers):
            self.command_not_understood(" ".join(line))
            return
        ip, port = ".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])
        if ip != self.remote_ip.removeprefix("::ffff:") or port < 1024:  # RFC 2577, section 3
            self.respond("501 PORT must name your own address, and a port above 1023.")
            return
        self._close_idle_data()
        self.client_addr = (ip, port)
        self.respond("200 PORT command successful.")

    def cmd_pasv(self, line: list[str]) -> None:
        """Prepare for server-to-server transfer."""
        self._close_idle_data()
        self._port_given = False
        try:
            acceptor = self.passive_acceptor = self.new_passive_acceptor()
        except OSError as error:
            self.respond(f"425 No data connection can be offered: {error.strerror}.")
            return
        port = acceptor.addr[1]
        ip = self.masquerade_address or self.socket.getsockname()[0].removeprefix("::ffff:")
        where = f"{ip.replace('.', ',')},{port // 256},{port % 256}"
        self.client_dc = None
        self.respond(f"227 Entering Passive Mode ({where})")

    def cmd_nlst(self, line: list[str]) -> None:
        """Give name list of files in directory."""
        self._list(line, long=0)

    def cmd_list(self, line: list[str]) -> None:
        """Give a list of files in a directory."""
        self._list(line, long=1)

    def _list(self, line: list[str], long: int) -> None:
        try:
            listing = self.get_dir_list(line, long)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it cannot be one"
            self.respond(f"550 Could not list directory: {reason}")
            return
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} mode data connection for file list")
        self.make_xmit_channel()
        self.client_dc.push_with_producer(listing)
        self.client_dc.close_when_done()

    def cmd_cwd(self, line: list[str]) -> None:
        """Change working directory."""
        if len(line) > 1 and self.cwd(line[1]):
            self.respond("250 CWD command successful.")
        else:
            self.respond("550 No such directory.")

    def cmd_cdup(self, line: list[str]) -> None:
        """Change to parent of current working directory."""
        if self.cdup():
            self.respond("250 CDUP command successful.")
        else:
            self.respond("550 No such directory.")

    def cmd_pwd(self, line: list[str]) -> None:
        """Print the current working directory."""
        folder = self.filesystem.current_directory().replace('"', '""')
        self.respond(f'257 "{folder}" is the current directory.')

    def cmd_mdtm(self, line: list[str]) -> None:
        """Show last modification time of file."""
        status = self._status_of_file(line)
        if status is not None:
            stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(status.st_mtime))
            self.respond(f"213 {stamp}")

    def cmd_size(self, line: list[str]) -> None:
        """Return size of file."""
        status = self._status_of_file(line)
        if status is not None:
            self.respond(f"213 {status.st_size}")

    def _status_of_file(self, line: list[str]) -> Any:
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return None
        if not self.filesystem.isfile(line[1]):
            self.respond(f'550 "{line[1]}" is not a file')
            return None
        return self.filesystem.stat(line[1])

    def cmd_noop(self, line: list[str]) -> None:
        """Do nothing."""
        self.respond("200 NOOP command successful.")

    def cmd_retr(self, line: list[str]) -> None:
        """Retrieve a file."""
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        position, self.restart_position = self.restart_position, 0
        if not self.filesystem.isfile(line[1]):
            self.respond("550 No such file")
            return
        try:
            fd = self.open(line[1], f"r{self.type_mode_map[self.current_mode]}")
        except OSError as error:
            self.respond(f"553 could not open file for reading: {error.strerror}")
            return
        if position and not _seek(fd, position):
            self.respond(f"554 the file does not go on at {position}")
            return
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} mode data connection for file '{line[1]}'")
        self.make_xmit_channel()
        self.client_dc.push_with_producer(producers.file_producer(fd))
        self.client_dc.close_when_done()

    def cmd_stor(self, line: list[str], mode: str = "w") -> None:
        """Store a file."""
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        position, self.restart_position = self.restart_position, 0
        if position:
            self.respond("553 restart on STOR not yet supported")
            return
        try:
            fd = self.open(line[1], f"{mode}{self.type_mode_map[self.current_mode]}")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no file can have that name"
            self.respond(f"553 could not open file for writing: {reason}")
            return
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} connection for {line[1]}")
        self.make_recv_channel(fd)

    def cmd_appe(self, line: list[str]) -> None:
        """Append to a file."""
        self.cmd_stor(line, "a")

    def cmd_abor(self, line: list[str]) -> None:
        """Abort operation."""
        self._drop_queued()
        if self.is_transferring:
            self.data_channel.break_off("Aborted")
        self._close_idle_data()
        self.respond("226 ABOR command successful.")

    def cmd_dele(self, line: list[str]) -> None:
        """Delete a file."""
        self._change(line, "unlink", "250 DELE command successful.", "550 error deleting file.")

    def cmd_mkd(self, line: list[str]) -> None:
        """Make a directory."""
        self._change(line, "mkdir", "257 MKD command successful.", "550 error creating directory.")

    def cmd_rmd(self, line: list[str]) -> None:
        """Remove a directory."""
        self._change(line, "rmdir", "250 RMD command successful.", "550 error removing directory.")

    def _change(self, line: list[str], method: str, done: str, failed: str) -> None:
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        if method == "unlink" and not self.filesystem.isfile(line[1]):
            self.respond(f"550 {line[1]}: No such file.")
            return
        try:
            getattr(self.filesystem, method)(line[1])
        except (OSError, ValueError):
            self.respond(failed)
        else:
            self.respond(done)

    def cmd_user(self, line: list[str]) -> None:
        """Specify user name."""
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        self.user = line[1]
        self.respond("331 Password required.")

    def cmd_pass(self, line: list[str]) -> None:
        """Specify password."""
        password = line[1] if len(line) > 1 else ""
        ok, message, filesystem = self.server.authorizer.authorize(self, self.user, password)
        self.username = self.user
        if ok:
            self.filesystem = filesystem
            self.authorized = 1
            self.logged_in()
            self.respond(f"230 {message}")
            self.log(f"Successful login: Filesystem={filesystem!r}")
        else:
            self.authorized = 0
            self.handle_auth_failed(message, password)

    def cmd_rest(self, line: list[str]) -> None:
        """Restart incomplete transfer."""
        position = line[1] if len(line) > 1 else ""
        if not (position.isascii() and position.isdigit() and len(position) <= 18):
            self.command_not_understood(" ".join(line))
            return
        self.restart_position = int(position)
        self.respond(
            f"350 Restarting at {int(position)}. Send STORE or RETRIEVE to initiate transfer."
        )

    def cmd_stru(self, line: list[str]) -> None:
        """Obsolete - set file transfer structure."""
        if len(line) > 1 and line[1] in ("f", "F"):
            self.respond("200 STRU F Ok")
        else:
            self.respond("504 Unimplemented STRU type")

    def cmd_mode(self, line: list[str]) -> None:
        """Obsolete - set file transfer mode."""
        if len(line) > 1 and line[1] in ("s", "S"):
            self.respond("200 MODE S Ok")
        else:
            self.respond("502 Unimplemented MODE type")

    def cmd_syst(self, line: list[str]) -> None:
        """Show operating system type of server system."""
        self.respond("215 UNIX Type: L8")

    def cmd_help(self, line: list[str]) -> None:
        """Give help information."""
        lines = []
        for name in sorted(dir(self)):
            text = getattr(self, name).__doc__ if name.startswith("cmd_") else None
            if text:
                says = text.strip().splitlines()[0].rstrip(".")
                lines.append(f"\t{name[4:]}\t{says[:1].lower()}{says[1:]}\r\n")
        self.push("214-The following commands are recognized\r\n" + "".join(lines))
        self.respond("214 That is all.")


def _is_octet(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < 256


def _seek(fd: Any, position: int) -> bool:
    """Go on at `position`; False, and the file closed, if it is not so long."""
    try:
        if position <= fd.seek(0, 2):
            fd.seek(position)
            return True
    except (OSError, ValueError):
        pass
    fd.close()
    return False
