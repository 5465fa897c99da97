"""ZServer's FTPRequest: an FTP command as an application sees it, as a request for a method."""

from __future__ import annotations

import base64
import io
import posixpath
from typing import Any
from urllib.parse import quote_plus

from servers.zserver.HTTPServer import ZRequest

#: Which method of the object answers a command.
METHODS = {
    "LST": "manage_FTPlist",
    "CWD": "manage_FTPlist",
    "PASS": "manage_FTPlist",
    "MDTM": "manage_FTPstat",
    "SIZE": "manage_FTPstat",
    "RNFR": "manage_FTPstat",
    "RETR": "manage_FTPget",
}

#: Which method of the folder above does.
FOLDER_METHODS = {
    "DELE": ("manage_delObjects", "ids={0}"),
    "RMD": ("manage_delObjects", "ids={0}"),
    "MKD": ("manage_addFolder", "id={0}"),
    "RNTO": ("manage_renameObject", "id={0}&new_id={1}"),
}


class FTPRequest(ZRequest):
    """What is published for a command.

    path: absolute; command: see METHODS, or STOR, which is a PUT of `stdin`.
    new_id: the new name, for RNTO.
    """

    def __init__(
        self,
        path: str,
        command: str,
        channel: Any,
        response: Any,
        stdin: Any = None,
        new_id: str = "",
    ) -> None:
        self.path = path
        self.command = command
        self.channel = channel
        body = io.BytesIO() if stdin is None else stdin
        super().__init__(body, self.get_env(new_id), response)

    def get_env(self, new_id: str) -> dict[str, Any]:
        """The CGI environment."""
        channel, folder, name = self.channel, *posixpath.split(self.path)
        where, query = self.path, ""
        if self.command in FOLDER_METHODS:
            method, template = FOLDER_METHODS[self.command]
            where = posixpath.join(folder, method)
            query = template.format(quote_plus(name), quote_plus(new_id))
        elif self.command in METHODS:
            where = posixpath.join(self.path, METHODS[self.command])
        env = {
            "SCRIPT_NAME": "",
            "PATH_INFO": where,
            "QUERY_STRING": query,
            "REQUEST_METHOD": "PUT" if self.command == "STOR" else "GET",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "FTP",
            "SERVER_SOFTWARE": channel.server.SERVER_IDENT,
            "SERVER_NAME": channel.server.hostname,
            "SERVER_PORT": str(channel.server.port),
            "REMOTE_ADDR": channel.remote_ip,
        }
        if channel.userid and channel.userid != "anonymous":
            pair = f"{channel.userid}:{channel.password}".encode("utf-8", "surrogateescape")
            env["HTTP_AUTHORIZATION"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        return env
