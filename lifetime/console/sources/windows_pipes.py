"""The system's part of a named pipe, by ctypes.  Written from the documentation, never run.

Source: CreateNamedPipeW, ConnectNamedPipe, PeekNamedPipe and GetNamedPipeClientProcessId in the
documentation of the Windows API.
"""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress
from typing import Any

PIPE_ACCESS_DUPLEX = 0x3
FILE_FLAG_FIRST_PIPE_INSTANCE = 0x80000
PIPE_REJECT_REMOTE_CLIENTS = 0x8
ERROR_BROKEN_PIPE = 109
ERROR_PIPE_CONNECTED = 535
INVALID_HANDLE = ctypes.c_void_p(-1).value
MAX_INSTANCES = 255
BUFFER = 65536

#: Seconds between two looks whether a client has written: its handle cannot be waited for.
GLANCE = 0.02


class WindowsPipes:
    r"""A pipe `\\.\pipe\lifetime-NAME`, for local clients.

    The default access list of a pipe lets everybody read, and gives full access to its creator,
    administrators and the system: nobody else can write a request.
    Raises OSError if the name is taken.
    """

    def __init__(self, name: str) -> None:
        self.path = rf"\\.\pipe\lifetime-{name}"
        self._kernel = _kernel()
        self._closed = False
        self._handle = self._instance(FILE_FLAG_FIRST_PIPE_INSTANCE)

    def _instance(self, flags: int = 0) -> int:
        handle: int | None = self._kernel.CreateNamedPipeW(
            self.path,
            PIPE_ACCESS_DUPLEX | flags,
            PIPE_REJECT_REMOTE_CLIENTS,
            MAX_INSTANCES,
            BUFFER,
            BUFFER,
            0,
            None,
        )
        if handle is None or handle == INVALID_HANDLE:
            raise _error("the console's pipe cannot be made")
        return handle

    def accept(self) -> WindowsPipeClient | None:
        """Wait for the next client; None once it is closed.  Raises OSError."""
        if self._closed:
            return None
        connected = self._kernel.ConnectNamedPipe(self._handle, None)
        if not connected and _last_error() != ERROR_PIPE_CONNECTED:
            raise _error("the console's pipe does not connect")
        client = WindowsPipeClient(self._kernel, self._handle)
        if self._closed:
            client.close()
            return None
        self._handle = self._instance()
        return client

    def close(self) -> None:
        """End `accept` by being its last client."""
        if not self._closed:
            self._closed = True
            with suppress(OSError), open(self.path, "r+b", buffering=0):
                pass


class WindowsPipeClient:
    """One client."""

    def __init__(self, kernel: Any, handle: int) -> None:
        self._kernel = kernel
        self._handle = handle
        self.user = os.environ.get("USERNAME", "")
        pid = ctypes.c_ulong()
        kernel.GetNamedPipeClientProcessId(handle, ctypes.byref(pid))
        self.pid = int(pid.value)

    def read(self, size: int, timeout: float) -> bytes:
        """At most `size` bytes; nothing at the end.  Raises TimeoutError, OSError."""
        available = ctypes.c_ulong()
        until = time.monotonic() + timeout
        while not available.value:
            looked = self._kernel.PeekNamedPipe(
                self._handle, None, 0, None, ctypes.byref(available), None
            )
            if not looked:
                if _last_error() == ERROR_BROKEN_PIPE:
                    return b""
                raise _error("the client's pipe cannot be read")
            if not available.value:
                if time.monotonic() > until:
                    raise TimeoutError("the client has sent nothing")
                time.sleep(GLANCE)
        buffer = ctypes.create_string_buffer(size)
        got = ctypes.c_ulong()
        if not self._kernel.ReadFile(self._handle, buffer, size, ctypes.byref(got), None):
            return b""
        return bytes(buffer.raw[: got.value])

    def write(self, data: bytes) -> None:
        """Send it all.  Raises OSError."""
        done = ctypes.c_ulong()
        if not self._kernel.WriteFile(self._handle, data, len(data), ctypes.byref(done), None):
            raise _error("the client's pipe cannot be written")

    def close(self) -> None:
        """Wait until the client has read its answer, and end the connection."""
        self._kernel.FlushFileBuffers(self._handle)
        self._kernel.DisconnectNamedPipe(self._handle)
        self._kernel.CloseHandle(self._handle)


def _kernel() -> Any:
    """The library, with handles as wide as pointers."""
    kernel: Any = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009
    handle, number = ctypes.c_void_p, ctypes.c_ulong
    kernel.CreateNamedPipeW.restype = handle
    kernel.CreateNamedPipeW.argtypes = [ctypes.c_wchar_p, *[number] * 6, handle]
    kernel.ConnectNamedPipe.argtypes = [handle, handle]
    kernel.GetNamedPipeClientProcessId.argtypes = [handle, handle]
    kernel.PeekNamedPipe.argtypes = [handle, handle, number, handle, handle, handle]
    kernel.ReadFile.argtypes = [handle, handle, number, handle, handle]
    kernel.WriteFile.argtypes = [handle, ctypes.c_char_p, number, handle, handle]
    for name in ("FlushFileBuffers", "DisconnectNamedPipe", "CloseHandle"):
        getattr(kernel, name).argtypes = [handle]
    return kernel


def _last_error() -> int:
    code: int = getattr(ctypes, "get_last_error")()  # noqa: B009
    return code


def _error(what: str) -> OSError:
    return OSError(_last_error(), what)
