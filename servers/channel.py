"""Channel: terminators in, producers out; and the phase-3 rule, written once.

The API is that of `asynchat.async_chat`, which real handlers use down to its attributes; the
inside is our own.  Sending starts at once and waits for room only with what the socket did not
take.  A channel always says itself when it wants to read or write, so an idle one costs nothing.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from lifetime import Dispatcher, Phase, Timer, Veto, event_driven
from lifetime.poller import DISCONNECTED, SocketMap
from servers.overriding import Overridable
from servers.producers import FileSlice, Producer, SimpleProducer, close, overlap

log = logging.getLogger("servers")

#: Text that a handler pushes is sent in this encoding.
CHARSET = "utf-8"

FOREVER = float("inf")

MSG_MORE: int = getattr(socket, "MSG_MORE", 0)

#: One call of sendfile moves at most this much, so that one fast reader does not keep the loop.
MAX_SENDFILE = 512 * 1024

#: A larger piece of output is taken apart: what the socket did not take is copied each time, and
#: for a slow reader of many MB that would be most of our time.
LARGE = 256 * 1024


class Sent:
    """Goes into the queue behind some output; its callback comes when that output has left.

    callback: is given the number of bytes that the channel had sent at this point of the queue.
    """

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[int], object]) -> None:
        self.callback = callback


class Channel(Dispatcher, metaclass=Overridable):
    """One connection and its buffers.

    sock: connected, or None; map: the socket map it joins.
    Override `collect_incoming_data(data)` and `found_terminator()`, and call `set_terminator`.
    """

    announces_changes = True
    as_written: bool  # of its class: nobody has overridden what a shortcut passes by

    ac_in_buffer_size = 65536
    ac_out_buffer_size = 65536

    # Defaults live on the class: ten thousand idle channels share them.
    ac_in_buffer: bytes = b""
    ac_out_buffer: bytes = b""
    terminator: bytes | str | int | None = None
    reading = True  # whether we want input at all
    input_ended = False  # the peer has sent its last byte
    bytes_in = 0
    bytes_out = 0
    deadline = FOREVER  # when handle_timeout() is due, in seconds on the loop's clock
    _alarm: Timer | None = None
    _alarm_at = FOREVER
    _fifo: deque[Any] | None = None
    _sent_marks: deque[tuple[int, Callable[[int], object]]] | None = None
    _closing = False  # close_when_done() was called
    _sends_files = hasattr(os, "sendfile")

    def __init__(self, sock: socket.socket | None = None, map: SocketMap | None = None) -> None:
        super().__init__(sock, map)

    # Input: terminators

    def collect_incoming_data(self, data: bytes) -> None:
        """Take data that belongs before the next terminator."""
        raise NotImplementedError("a Channel's subclass must implement collect_incoming_data(data)")

    def found_terminator(self) -> None:
        """The terminator has come; all data before it has been collected."""
        raise NotImplementedError("a Channel's subclass must implement found_terminator()")

    def set_terminator(self, terminator: bytes | str | int | None) -> None:
        """What ends the next piece of input: bytes or text, a number of bytes, None: nothing.

        Raises ValueError for a negative number.
        """
        if isinstance(terminator, str):
            terminator = terminator.encode("latin-1")
        elif isinstance(terminator, int) and terminator < 0:
            raise ValueError(f"a terminator of {terminator} bytes; give 0 or more")
        self.terminator = terminator

    def get_terminator(self) -> bytes | str | int | None:
        """What ends the next piece of input; a number counts down as data comes."""
        return self.terminator

    def handle_read(self) -> None:
        """Read what has come and hand it on in pieces."""
        try:
            data = self.recv(self.ac_in_buffer_size)
        except BlockingIOError:
            return
        if data:
            self.received(data)

    def received(self, data: bytes) -> None:
        """Hand on newly read data up to each terminator."""
        self.ac_in_buffer += data
        while self.ac_in_buffer and self.socket is not None:
            if not self._hand_on():
                break

    def _hand_on(self) -> bool:
        """One step: collect data, perhaps find the terminator.  False: more input is needed."""
        buffer = self.ac_in_buffer
        terminator = self.terminator
        if not terminator:
            self.ac_in_buffer = b""
            self.collect_incoming_data(buffer)
            return True
        if isinstance(terminator, int):
            self.ac_in_buffer = buffer[terminator:]
            self.terminator = max(terminator - len(buffer), 0)
            self.collect_incoming_data(buffer[:terminator])
            if len(buffer) >= terminator:
                self.found_terminator()
            return True
        sought = terminator.encode("latin-1") if isinstance(terminator, str) else terminator
        end = buffer.find(sought)
        if end >= 0:
            self.ac_in_buffer = buffer[end + len(sought) :]
            if end:
                self.collect_incoming_data(buffer[:end])
            self.found_terminator()
            return True
        # The end of the buffer may be the beginning of the terminator: that part has to wait.
        kept = overlap(buffer, sought)
        self.ac_in_buffer = buffer[len(buffer) - kept :]
        if kept < len(buffer):
            self.collect_incoming_data(buffer[: len(buffer) - kept])
        return False

    def recv(self, size: int) -> bytes:
        """Read at most `size` bytes.

        b"" means that the peer sends no more (then `handle_end_of_input` was called) or is gone.
        Raises BlockingIOError when there is nothing to read yet.
        """
        try:
            data: bytes = self.socket.recv(size)
        except BlockingIOError:
            raise
        except OSError as error:
            if error.errno not in DISCONNECTED:
                raise
            self.handle_close()
            return b""
        if data:
            self.bytes_in += len(data)
        else:
            self.input_ended = True
            self.changed()
            self.handle_end_of_input()
        return data

    def handle_end_of_input(self) -> None:
        """The peer has sent its last byte; by default that ends the connection."""
        self.handle_close()

    # Output: producers

    @property
    def producer_fifo(self) -> deque[Any]:
        """What is still to be sent, live: bytes, text, producers; None means close then."""
        if self._fifo is None:
            self._fifo = deque()
        return self._fifo

    @producer_fifo.setter
    def producer_fifo(self, fifo: deque[Any]) -> None:
        self._fifo = fifo

    def push(self, data: bytes | str) -> None:
        """Send data behind everything that was pushed before."""
        if not isinstance(data, bytes | bytearray | memoryview | str):
            raise TypeError(
                f"push() takes bytes or text, not {type(data).__name__}; "
                "for a producer there is push_with_producer()"
            )
        self.producer_fifo.append(data)
        self.initiate_send()

    def push_with_producer(self, producer: Producer) -> None:
        """Send what `producer.more()` gives, until it gives nothing."""
        self.producer_fifo.append(producer)
        self.initiate_send()

    def close_when_done(self) -> None:
        """Close once everything that was pushed has been sent."""
        self._closing = True
        self.producer_fifo.append(None)
        self.initiate_send()

    def discard_buffers(self) -> None:
        """Forget all input and output that waits; producers are closed."""
        self.ac_in_buffer = self.ac_out_buffer = b""
        self._sent_marks = None
        self._close_producers()

    def initiate_send(self) -> None:
        """Send as much as the socket takes; `writable()` waits for the rest."""
        while self.connected:
            if not self.ac_out_buffer:
                if not self._fifo:
                    break
                first = self._fifo[0]
                if type(first) is FileSlice and self.bypasses_send():
                    if not self._send_file(first):
                        break
                    continue
                self.refill_buffer()
                if not self.ac_out_buffer:
                    continue
            buffer = self.ac_out_buffer
            # The head of a file's answer waits in the kernel for the file, and leaves with it.
            more = self._fifo and type(self._fifo[0]) is FileSlice and self.bypasses_send()
            more = more and self._fifo[0].remaining  # type: ignore[index]
            sent = self.send_more(buffer) if more else self.send(buffer)
            if sent:
                self.ac_out_buffer = buffer[sent:]
                self.note_sent(sent)
            if sent < len(buffer):
                break
        self.output_advanced()

    def output_advanced(self) -> None:
        """Some output has left, or more of it waits: what the poll waits for may be different."""
        self.changed()

    def refill_buffer(self) -> None:
        """Gather the next piece of output, as much as one call should send.

        What was gathered before a producer raises stays in the buffer.
        """
        pieces: list[bytes] = []
        try:
            self._gather(self.producer_fifo, pieces)
        finally:
            if pieces and self.socket is not None:
                self.ac_out_buffer += pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _gather(self, fifo: deque[Any], pieces: list[bytes]) -> None:
        size = 0
        while fifo and size < self.ac_out_buffer_size:
            first = fifo[0]
            if first is None:
                if not pieces:
                    fifo.popleft()
                    self.handle_all_sent()
                break
            if isinstance(first, Sent):
                fifo.popleft()
                self._mark(size, first.callback)
                continue
            if isinstance(first, bytes | bytearray | memoryview | str):
                fifo.popleft()
                piece = first.encode(CHARSET) if isinstance(first, str) else bytes(first)
            elif type(first) is FileSlice and self.bypasses_send():
                break
            else:
                piece = self._ask_producer(first)
                if self.socket is None:
                    return
                if not piece:
                    if fifo and fifo[0] is first:
                        fifo.popleft()
                        self._close_producer(first)
                    continue
            if len(piece) > LARGE:
                fifo.appendleft(SimpleProducer(piece))
                continue
            pieces.append(piece)
            size += len(piece)

    def _ask_producer(self, producer: Producer) -> bytes:
        piece = producer.more()
        return piece.encode(CHARSET) if isinstance(piece, str) else piece

    def _mark(self, ahead: int, callback: Callable[[int], object]) -> None:
        """Call back once `ahead` bytes beyond the buffered ones have been sent."""
        end = self.bytes_out + len(self.ac_out_buffer) + ahead
        if end == self.bytes_out:
            callback(end)
            return
        if self._sent_marks is None:
            self._sent_marks = deque()
        self._sent_marks.append((end, callback))

    def note_sent(self, sent: int) -> None:
        """`sent` more bytes have left; call back whoever waited for that."""
        self.bytes_out += sent
        marks = self._sent_marks
        while marks and marks[0][0] <= self.bytes_out:
            end, callback = marks.popleft()
            callback(end)

    def _send_file(self, piece: FileSlice) -> bool:
        """Let the kernel copy from the file to the socket.  False: the socket takes no more."""
        try:
            sent = os.sendfile(
                self.socket.fileno(),
                piece.fileno(),
                piece.offset,
                min(piece.remaining, MAX_SENDFILE),
            )
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in DISCONNECTED:
                self.handle_close()
                return False
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSOCK, errno.EOPNOTSUPP):
                raise
            self._sends_files = False  # this kind of file or socket cannot; read it instead
            return True
        if sent == 0 and piece.remaining:
            raise piece.shrank()
        piece.offset += sent
        piece.remaining -= sent
        self.note_sent(sent)
        if not piece.remaining and self._fifo:
            self._fifo.popleft()
            self._close_producer(piece)
        return True

    def send(self, data: Any) -> int:
        """Send what the socket takes at once; returns how many bytes that were."""
        try:
            sent: int = self.socket.send(data)
        except OSError as error:
            return self._nothing_sent(error)
        return sent

    def send_more(self, data: bytes) -> int:
        """The same, but a file follows: the system waits for it, and sends both together."""
        try:
            sent: int = self.socket.send(data, MSG_MORE)
        except OSError as error:
            return self._nothing_sent(error)
        return sent

    def bypasses_send(self) -> bool:
        """Whether sendfile and sendmsg may stand in for `send()`: nobody has overridden that."""
        return self._sends_files and type(self).send is _send

    def send_parts(self, *parts: bytes) -> int:
        """Send several pieces as if they were one; returns how many bytes the socket took."""
        try:
            sent: int = self.socket.sendmsg(parts)
        except OSError as error:
            return self._nothing_sent(error)
        return sent

    def _nothing_sent(self, error: OSError) -> int:
        if isinstance(error, BlockingIOError):
            return 0
        if error.errno not in DISCONNECTED:
            raise error
        self.handle_close()
        return 0

    def handle_write(self) -> None:
        """There is room to send again."""
        self.initiate_send()

    def handle_all_sent(self) -> None:
        """Everything before `close_when_done()` has left; by default that ends the connection."""
        self.close()

    def say_goodbye(self) -> None:
        """Tell the peer that we send no more."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()

    # What the poll waits for

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for input."""
        return self.reading and not self.input_ended

    @event_driven
    def writable(self) -> bool:
        """Whether output waits, or a connection is still being made."""
        return bool(self.ac_out_buffer or self._fifo) or not self.connected

    # Deadlines

    def expire_at(self, when: float) -> None:
        """Call `handle_timeout()` at `when` (seconds on the loop's clock), unless that is moved.

        Moving it to later costs nothing: the alarm that is set looks again when it goes off.
        """
        self.deadline = when
        if when < self._alarm_at:
            self._set_alarm(when)

    def _set_alarm(self, when: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        lifetime = self.lifetime_of()
        self._alarm_at = when
        self._alarm = lifetime.timers.call_at(when, self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        self._alarm_at = FOREVER
        if self.socket is None or self.deadline == FOREVER:
            return
        if self.lifetime_of().poller.now < self.deadline:
            self._set_alarm(self.deadline)
            return
        self.deadline = FOREVER
        try:
            self.handle_timeout()
        except Exception:
            self.handle_error()

    def lifetime_of(self) -> Any:
        """The Lifetime whose clock and timers this channel uses."""
        raise NotImplementedError("a Channel that uses deadlines must implement lifetime_of()")

    def handle_timeout(self) -> None:
        """The deadline has passed; by default that ends the connection."""
        self.close()

    # The end

    @property
    def working(self) -> bool:
        """Whether something was begun for the peer that is not finished yet."""
        return False

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: veto while working or writable; close the moment we are neither."""
        if phase < Phase.DRAINING or self.socket is None:
            return None
        if self.working or self.writable():
            return Veto(self.occupation())
        self.close()
        return None

    def occupation(self) -> str:
        """What keeps us busy, in a few words for the operator."""
        return "sending" if self.writable() else "working"

    def close(self) -> None:
        """Close the socket and every producer; a second call does nothing."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
            self._alarm_at = FOREVER
        self._close_producers()
        super().close()
        self.socket = None

    def _close_producers(self) -> None:
        while self._fifo:
            item = self._fifo.popleft()
            if hasattr(item, "more"):
                self._close_producer(item)

    def _close_producer(self, producer: Producer) -> None:
        try:
            close(producer)
        except Exception:
            log.exception("%r failed to close", producer)


#: Remembered, so that a patched class is noticed: what it does in `send` it wants to do always.
_send = Channel.send
