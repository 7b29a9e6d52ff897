"""What the clients of `serve-crash` did and what may therefore be there: states of objects, histories of keys.

A key has a history, newest first, of `[version, State]`; a delete marker has no state. A bucket without versions knows only
the present one. Each change is noted before it is sent; if its answer never came, what is found later may be either.
"""

import hashlib
import threading
import time
from dataclasses import dataclass, replace

TYPES = ["text/plain", "application/octet-stream", "image/x-odd; a=b"]


def content(number, size):
    """The bytes of a write: all different, so that nothing can be mixed or cut unnoticed."""
    head = f"{number}\n".encode()[:size]
    return head + hashlib.shake_128(str(number).encode()).digest(size - len(head))


@dataclass(frozen=True)
class State:
    """One object. `number` is that of the write that made its bytes."""

    number: int
    size: int
    etag: str
    meta: str
    kind: str
    tags: str
    public: bool

    def bytes(self):
        return content(self.number, self.size)

    def shown(self):
        """Without what is not asked of the service."""
        return self.etag, self.size, self.meta, self.kind, self.tags, self.public


def make(number, size):
    """What a plain put of a number writes: its content, metadata, type, tags and grants all follow from it."""
    body = content(number, size)
    kind = TYPES[number % len(TYPES)]
    return State(number, size, hashlib.md5(body).hexdigest(), f"m{number}", kind, f"write={number}", number % 3 == 0), body


def headers_of(state):
    """The headers of a request that makes such an object."""
    return {"content-type": state.kind, "x-amz-meta-write": state.meta, "x-amz-tagging": state.tags,
            "x-amz-acl": "public-read" if state.public else "private"}


class Key:
    """A key that one client alone changes."""

    def __init__(self, bucket, name, versioned, plain):
        self.bucket, self.name, self.versioned = bucket, name, versioned
        # Whether it has to be an ordinary file.
        self.plain = plain
        self.history = []
        # Histories that an unanswered request may have made.
        self.pending = []

    def present(self):
        return self.history[0][1] if self.history else None

    def _with(self, entry, mode):
        if not self.versioned:
            return [] if entry is None else [["", entry]]
        if mode == "Suspended":
            return [["null", entry]] + [old for old in self.history if old[0] != "null"]
        return [[None, entry]] + self.history

    def after_put(self, state, mode):
        return self._with(state, mode)

    def after_delete(self, mode):
        return self._with(None, mode)

    def without(self, version):
        return [old for old in self.history if old[0] != version]

    def changed(self, at, **fields):
        """With other metadata of one version."""
        after = [list(entry) for entry in self.history]
        after[at][1] = replace(after[at][1], **fields)
        return after

    def expect(self, after):
        self.pending = [after]

    def done(self, version=None):
        """What was expected has happened."""
        self.history, self.pending = self.pending[0], []
        if self.versioned and self.history and self.history[0][0] is None:
            if not version:
                raise AssertionError(f"{self.bucket}/{self.name}: no version in the answer")
            self.history[0][0] = version

    def settle(self, found):
        """Takes what was found as the truth if it is the last answered history, or one that was under way; says whether it is.

        `found` has, for each version, its name and what `State.shown` returns (none for a marker)."""
        for candidate in [self.history, *self.pending]:
            if len(candidate) == len(found) and all(
                version in (None, seen) and (state and state.shown()) == shown
                for (version, state), (seen, shown) in zip(candidate, found)
            ):
                self.history = [[seen, state] for (seen, _), (_, state) in zip(found, candidate)]
                self.pending = []
                return True
        return False


class Contended:
    """A key that every client writes to. What is there at the end was written by one that no answered write followed."""

    def __init__(self, bucket, name):
        self.bucket, self.name = bucket, name
        self.lock = threading.Lock()
        self.writes = [[0.0, 0.0, None]]

    def begin(self, state):
        with self.lock:
            self.writes.append([time.monotonic(), None, state])
            return self.writes[-1]

    @staticmethod
    def end(write):
        write[1] = time.monotonic()

    def settle(self, shown):
        last = max(start for start, end, _ in self.writes if end is not None)
        for _, end, state in self.writes:
            if (end is None or end >= last) and (state and state.shown()) == shown:
                self.writes = [[0.0, 0.0, state]]
                return True
        return False

    def present(self):
        return self.writes[0][2]

    def may_be(self, meta):
        """Whether some write, finished or not, has this metadata."""
        with self.lock:
            return any(state and state.meta == meta for _, _, state in self.writes)


class Folder:
    """A bucket of one client's own that comes and goes, with a document (its tags)."""

    def __init__(self, name):
        self.name = name
        # None: no bucket; "": one without a document.
        self.state = None
        self.pending = []

    def expect(self, after):
        self.pending = [after]

    def done(self):
        self.state, self.pending = self.pending[0], []

    def settle(self, found):
        if found in [self.state, *self.pending]:
            self.state, self.pending = found, []
            return True
        return False
