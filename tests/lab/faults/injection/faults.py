"""A random, repeatable sequence of faults: services are killed and started again, or paused and resumed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from .services import Victim

KILLED_FOR = (0.0, 3.0)  # seconds until a killed service is started again
PAUSED_FOR = (0.5, 8.0)
BETWEEN = (0.5, 6.0)  # from the beginning of one fault to that of the next, which may overlap


@dataclass(frozen=True, kw_only=True, order=True)
class Step:
    """The beginning or the end of a fault, in seconds from the start."""

    at: float
    fault: int
    ends: bool
    kind: str = field(compare=False)
    victim: Victim = field(compare=False)


def schedule(victims: Sequence[Victim], seed: int, seconds: float) -> list[Step]:
    """Return the steps in order; no victim has two faults at a time, and all end in time."""
    draw, free_at, at, steps = random.Random(seed), dict.fromkeys((victim.name for victim in victims), 0.0), 0.0, []
    while True:
        at += draw.uniform(*BETWEEN)
        idle = [victim for victim in victims if free_at[victim.name] <= at]
        kind = draw.choice(("kill", "pause"))
        ends = at + draw.uniform(*(KILLED_FOR if kind == "kill" else PAUSED_FOR))
        if ends > seconds:
            return sorted(steps)
        if not idle:
            continue
        victim = draw.choice(idle)
        free_at[victim.name] = ends + 1.0
        for when, last in ((at, False), (ends, True)):
            steps.append(Step(at=when, fault=len(steps), ends=last, kind=kind, victim=victim))


class Storm:
    """Carries out the steps of a schedule, and knows which services are disturbed at the moment."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps, self.begun = steps, Counter()
        self._endings: dict[str, Callable[[], None]] = {}  # of the faults that have begun
        self._ended_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Carry out all steps, or until it is to stop; each fault that has begun ends."""
        began = time.monotonic()
        try:
            for step in self.steps:
                time.sleep(max(0.0, began + step.at - time.monotonic()))
                if stopped():
                    return
                self._end(step.victim) if step.ends else self._begin(step)
        finally:
            for step in self.steps:
                self._end(step.victim)

    def _begin(self, step: Step) -> None:
        victim, killed = step.victim, step.kind == "kill"
        with self._lock:
            self._endings[victim.name] = victim.start if killed else victim.resume
        (victim.kill if killed else victim.pause)()
        self.begun[victim.name, step.kind] += 1

    def _end(self, victim: Victim) -> None:
        if victim.name in self._endings:
            self._endings[victim.name]()
            with self._lock:
                del self._endings[victim.name]
                self._ended_at[victim.name] = time.monotonic()

    def undisturbed(self, names: Collection[str], seconds: float) -> bool:
        """Return whether these services have been undisturbed for so long."""
        with self._lock:
            since = max(self._ended_at.get(name, 0.0) for name in names)
            return not self._endings.keys() & set(names) and time.monotonic() - since >= seconds
