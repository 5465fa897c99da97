"""Watches the dispatchers in the map, without their knowing: who comes, goes, and answers what.

The hook of each participant is wrapped for as long as it is in the map.  Nothing else of it is
touched, and any loop that works on the map is watched the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from lifetime.phases import as_veto
from lifetime.testing.trace import Did
from lifetime.testing.world.limits import SimulationLimit

HOOK = "clean_shutdown_control"

Note = Callable[..., None]


class Cast:
    """The names of all dispatchers that ever played a part in one run."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[Any, str]] = {}  # the object too, so that its id stays its own
        self._numbers: Counter[str] = Counter()

    def name_of(self, dispatcher: Any) -> str:
        """Its class and a number, the same through the whole run."""
        known = self._names.get(id(dispatcher))
        if known is None:
            kind = type(dispatcher).__name__
            self._numbers[kind] += 1
            known = self._names[id(dispatcher)] = (dispatcher, f"{kind} {self._numbers[kind]}")
        return known[1]


class ObservedMap(dict[int, Any]):
    """A socket map that notes who joins and who leaves.

    note: called as `note(who, did, **details)`; before_asking: called before each hook.
    """

    def __init__(self, note: Note, cast: Cast, before_asking: Callable[[], None]) -> None:
        super().__init__()
        self._note = note
        self.before_asking = before_asking
        self.cast = cast
        self._hooks: dict[int, Hook] = {}
        self.owners: dict[int, Any] = {}  # who was there last under each descriptor
        self.asked: str | None = None  # whose hook runs

    def permute(self, order: Callable[[list[Any]], list[Any]]) -> None:
        """Put those who are there into another order; that is nobody's coming or going.

        Bystanders keep their places.
        """
        own = [fd for fd, each in self.items() if not getattr(each, "is_bystander", False)]
        moved = iter(order(own))
        places = [next(moved) if fd in own else fd for fd in self]
        items = [(fd, self[fd]) for fd in places]
        super().clear()
        for fd, dispatcher in items:
            super().__setitem__(fd, dispatcher)

    def __setitem__(self, fd: int, dispatcher: Any) -> None:
        before = self.get(fd)
        if before is not dispatcher:
            if before is not None:
                self._left(fd, before)
            super().__setitem__(fd, dispatcher)
            self._joined(fd, dispatcher)

    def __delitem__(self, fd: int) -> None:
        dispatcher = self[fd]
        super().__delitem__(fd)
        self._left(fd, dispatcher)

    def pop(self, fd: int, *default: Any) -> Any:
        """As dict's."""
        if fd not in self:
            return super().pop(fd, *default)
        dispatcher = self[fd]
        del self[fd]
        return dispatcher

    def popitem(self) -> tuple[int, Any]:
        """As dict's."""
        fd, dispatcher = super().popitem()
        self._left(fd, dispatcher)
        return fd, dispatcher

    def clear(self) -> None:
        """As dict's."""
        for fd in list(self):
            del self[fd]

    def setdefault(self, fd: int, default: Any = None) -> Any:
        """As dict's."""
        if fd not in self:
            self[fd] = default
        return self[fd]

    def update(self, *others: Any, **named: Any) -> None:
        """As dict's."""
        for fd, dispatcher in dict(*others, **named).items():
            self[fd] = dispatcher

    def __ior__(self, other: Any) -> ObservedMap:  # type: ignore[override,misc]
        self.update(other)
        return self

    def let_go(self) -> None:
        """Unwrap everybody, behind the end of a run."""
        for hook in list(self._hooks.values()):
            hook.remove()
        self._hooks.clear()

    def _joined(self, fd: int, dispatcher: Any) -> None:
        self.owners[fd] = dispatcher
        who = self.cast.name_of(dispatcher)
        hook = self._hooks.get(id(dispatcher))
        if hook is None and callable(getattr(dispatcher, HOOK, None)):
            hook = self._hooks[id(dispatcher)] = Hook(self, self._note, who, dispatcher)
        own = not getattr(dispatcher, "is_bystander", False)
        stays = getattr(dispatcher, "stays", False) is True
        self._note(who, Did.JOINED, fd=fd, has_hook=hook is not None, own=own, stays=stays)

    def _left(self, fd: int, dispatcher: Any) -> None:
        who = self.cast.name_of(dispatcher)
        if not any(other is dispatcher for other in self.values()):
            hook = self._hooks.pop(id(dispatcher), None)
            if hook is not None:
                hook.remove()
        by = self.asked if self.asked != who else None
        if getattr(dispatcher, "is_bystander", False) and not dispatcher.leaving:
            by = by or "somebody else"
        self._note(who, Did.LEFT, fd=fd, removed_by=by)


class Hook:
    """One dispatcher's `clean_shutdown_control`, wrapped: it notes each question and answer."""

    def __init__(self, map: ObservedMap, note: Note, who: str, dispatcher: Any) -> None:
        self.map = map
        self.note = note
        self.who = who
        self.original = getattr(dispatcher, HOOK)
        # Some have a hook of their very own, on the instance: it comes back at the end.
        self.own: Any = getattr(dispatcher, "__dict__", {}).get(HOOK)
        self.dispatcher = dispatcher
        if not hasattr(dispatcher, "__dict__"):
            raise SimulationLimit(
                f"{type(dispatcher).__name__} has __slots__ and no __dict__, so what it answers "
                "cannot be watched; check a subclass of it, which has one"
            )
        vars(dispatcher)[HOOK] = self

    def remove(self) -> None:
        """Give the dispatcher its own hook back, unless it has got another one meanwhile."""
        own = vars(self.dispatcher)
        if own.get(HOOK) is self:
            del own[HOOK]
            if self.own is not None:
                own[HOOK] = self.own

    def __call__(self, phase: int, time_in_phase: float) -> object:
        self.map.before_asking()
        before, self.map.asked = self.map.asked, self.who
        details = {"phase": int(phase), "time_in_phase": time_in_phase}
        try:
            answer = self.original(phase, time_in_phase)
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
            self.note(self.who, Did.ASKED, **details, answer="raised", reason=told, eta=None)
            raise
        finally:
            self.map.asked = before
        veto = as_veto(answer)
        if veto is None:
            self.note(self.who, Did.ASKED, **details, answer=None, reason="", eta=None)
        else:
            self.note(
                self.who, Did.ASKED, **details, answer="veto", reason=veto.reason, eta=veto.eta
            )
        return answer


class BystanderFailed(RuntimeError):
    """What a bystander raises that was told to."""


class BystanderDispatcher:
    """A well-behaved member of the map: what others do must not change how it is treated.

    vetoes: for so many seconds in phase `phase`; raises: in its hook instead.
    It has no socket, and leaves when phase 3 lets it.
    """

    is_bystander = True
    socket = None

    def __init__(
        self, map: ObservedMap, fd: int, phase: int = 3, vetoes: float = 0.0, raises: bool = False
    ) -> None:
        self.map = map
        self._fileno = fd
        self.phase = phase
        self.vetoes = vetoes
        self.raises = raises
        self.leaving = False
        map[fd] = self

    def readable(self) -> bool:
        """Never."""
        return False

    def writable(self) -> bool:
        """Never."""
        return False

    def handle_error(self) -> None:
        """Whatever it was, it was not ours: stay."""

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Veto, or raise, as told; leave in phase 3."""
        if phase == self.phase:
            if self.raises:
                raise BystanderFailed("a bystander fails in its hook")
            if time_in_phase < self.vetoes:
                return "a bystander is busy"
        if phase == 3:
            self.close()
        return None

    def close(self) -> None:
        """Leave the map."""
        self.leaving = True
        if self.map.get(self._fileno) is self:
            del self.map[self._fileno]

