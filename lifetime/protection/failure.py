"""An error that leaves the last block while a request is pending: it is not to be lost.

The stop waits until the error was dealt with.  Raised into its way it would take its place, and
nobody prints what a SystemExit has replaced.
"""

from __future__ import annotations

import sys
import time
from types import CodeType, FrameType
from typing import NamedTuple


class Failure(NamedTuple):
    """error: what left the block.

    program: of the outermost frame then; another one shows that the error has ended the program.
    deadline: those who handle the error have what was left of the block's window.
    """

    error: BaseException
    program: CodeType | None
    deadline: float

    def is_on_its_way(self, frame: FrameType | None) -> bool:
        """Whether the main thread, of which this is the frame, still deals with it.

        To be asked in a signal handler, which sees what the frames below it are handling.
        """
        if program_of(frame) is not self.program:
            return True
        error = sys.exc_info()[1]
        while error is not None:
            if error is self.error:
                return time.monotonic() < self.deadline
            error = error.__context__
        return False


def program_of(frame: FrameType | None) -> CodeType | None:
    """The code of the outermost frame: the program, unless the interpreter is ending."""
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return None if frame is None else frame.f_code
