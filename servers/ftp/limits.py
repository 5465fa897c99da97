"""How much a client may ask of the FTP server: one number for each thing that could grow."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class FTPLimits:
    """Whole numbers are bytes or counts, fractions are seconds; the comment says what happens.

    Raises ValueError with one sentence for a value that is negative, and for a count of 0.
    """

    connections: int = 200  # accepting pauses; each may need three descriptors
    connections_per_address: int = 20  # 421
    line: int = 2048  # of a command; 500, closed
    replies: int = 1000  # that the client does not take; closed
    pipelined: int = 100  # commands that wait behind a transfer, or a wrong password; 421

    login_time: float = 30.0  # from the connection to the right password; 421
    login_delay: float = 3.0  # before a wrong password is answered
    login_attempts: int = 3  # 530, closed
    idle_time: float = 300.0  # between commands; 421
    data_time: float = 30.0  # for the data connection to be made; 425
    stall_time: float = 60.0  # of a transfer without a byte; 421
    linger_time: float = 1.0  # reading on behind our last word, if the client has just spoken
    linger_bytes: int = 65536  # so much of it at most; closed
    quiet_time: float = 2.0  # between commands that belong together, in a shutdown; 421

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            minimum = 1 if field.type is int else 0.0
            if not value >= minimum:
                raise ValueError(f"{field.name}={value!r}: give at least {minimum}")
