"""The conductor: a request is stamped, made, screened and decided upon, and ends as Released or Withheld."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

from makar.generate.artifact import Artifact
from makar.generate.make import collect, make
from makar.kit.config import canonical, to_json
from makar.kit.content import utf8
from makar.kit.errors import BadInput, Interrupted, LedgerBroken
from makar.kit.files import sha256_bytes
from makar.ledger import Ledger, Stamp, open_ledger
from makar.provenance.candidate import Candidate, judge, subject
from makar.provenance.case import Case
from makar.provenance.released import Released, Withheld, none_left
from makar.provenance.seal import seal, seal_in
from makar.review.policy import Policy, load_policy
from makar.review.screen import Screen
from makar.room import Piece, Room


class Work:
    """One request on its way to a release. It is made once: by `stream`, or by `release`.

    asked: what checks judge by, see `makar.verdict.Subject`
    """

    def __init__(self, room: Room, request: Any, *, policy: Policy | str | Path = "default",
                 ledger: Ledger | None = None, asked: Mapping[str, Any] | None = None) -> None:
        self.room, self.request = room, request
        self.policy = policy if isinstance(policy, Policy) else load_policy(policy)
        self.asked = self.policy.asks(asked or {})
        self.outcomes: list[Released | Withheld] | None = None
        self.partial: tuple[str, ...] = ()  # ids of the stamps that keep what was made before it was broken off
        self._ledger = ledger
        self._stream: Generator[str, None, None] | None = None

    def stream(self) -> Iterator[str]:
        """The text as it is cleared; each window is stamped before it leaves.

        Closing the iterator early keeps what was made as a `partial` stamp.

        Raises: BadInput (several candidates; made already), Withheld, Interrupted
        """
        if self.request.n != 1:
            raise BadInput(f"a stream shows one answer; {self.request.n} were asked for: leave out --stream, or --n")
        self._stream = self._begin(stamp_windows=True)
        return self._stream

    def release(self) -> Released | list[Released]:
        """The released work, or with several candidates the list of those that were released.

        Raises: Withheld (where none was), Interrupted, BadInput
        """
        if self._stream is None:
            self._stream = self._begin(stamp_windows=False)
        for _ in self._stream:
            pass
        return self._result()

    def interrupted(self) -> Interrupted:
        """Breaks a stream off and says where what was made is kept, for a Ctrl-C that came between two windows."""
        self._break_off()
        return self._interruption()

    def _break_off(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def _interruption(self) -> Interrupted:
        if self.partial:
            return Interrupted(f"interrupted; what was made so far is kept: makar ledger show {self.partial[0][:16]}")
        return Interrupted(f"interrupted; {'the work was whole' if self.outcomes else 'nothing had been made'}")

    def _result(self) -> Released | list[Released]:
        if self.outcomes is None:
            raise BadInput("this work was broken off; what was made is in the ledger: makar ledger list --kind partial")
        released = [outcome for outcome in self.outcomes if isinstance(outcome, Released)]
        if not released:
            raise none_left([outcome for outcome in self.outcomes if isinstance(outcome, Withheld)])
        return released[0] if self.request.n == 1 else released

    def _begin(self, *, stamp_windows: bool) -> Generator[str, None, None]:
        if self._stream is not None:
            raise BadInput("this work has been made already; ask for another")
        return self._run(stamp_windows)

    def _run(self, stamp_windows: bool) -> Generator[str, None, None]:
        with _book(self._ledger) as ledger:
            request = stamp_request(ledger, self.room.name, self.request, self.policy, self.asked)
            template = subject(self.room.media_type(self.request), self.asked)
            candidates = [Candidate(Screen(self.policy, template), index) for index in range(self.request.n)]
            with self._kept(ledger, request, candidates):
                start_s, pieces = time.monotonic(), list[Piece]()
                for candidate in self._made(candidates, pieces):
                    if stamp_windows:
                        with ledger.batch() as batch:
                            window = candidate.leave(batch, request)
                        yield window
                for candidate in candidates:
                    candidate.finish()
                made = collect(self.room, self.request, pieces, seconds=time.monotonic() - start_s)
                cases = [candidate.case(one, request) for candidate, one in zip(candidates, made, strict=True)]
                tails = self._settle(ledger, candidates if stamp_windows else [], cases)
            yield from tails
        self._result()

    def _made(self, candidates: Sequence[Candidate], pieces: list[Piece]) -> Iterator[Candidate]:
        """Runs the room; gives the candidate each time there is more of it that may leave."""
        with closing(cast("Generator[Piece, None, None]", make(self.room, self.request))) as source:
            for piece in source:
                pieces.append(piece)
                candidate = candidates[piece.index]
                candidate.push(piece)
                if len(candidate.cleared) > candidate.num_chars_left:
                    yield candidate
                if all(candidate.refused for candidate in candidates):
                    return

    def _settle(self, ledger: Ledger, streamed: Sequence[Candidate], cases: Sequence[Case]) -> list[str]:
        """Stamps how each candidate ends, all in one transaction; gives the last windows, which may then leave."""
        with ledger.batch() as batch:
            tails = [candidate.leave(batch, case.request) for candidate, case in zip(streamed, cases, strict=False)
                     if case.lets_out and len(candidate.cleared) > candidate.num_chars_left]
            outcomes = [seal_in(batch, case) for case in cases]
        self.outcomes = outcomes
        return tails

    @contextmanager
    def _kept(self, ledger: Ledger, request: str, candidates: Sequence[Candidate]) -> Iterator[None]:
        """Keeps what was made when the block is broken off.

        Raises: Interrupted
        """
        try:
            with ledger.before_close(self._break_off):
                yield
        except KeyboardInterrupt:
            self._keep(ledger, request, candidates, "interrupted")
            raise self._interruption() from None
        except GeneratorExit:
            self._keep(ledger, request, candidates, "the reader left")
            raise
        except LedgerBroken:
            raise
        except Exception as error:
            self._keep(ledger, request, candidates, f"{type(error).__name__}: {error}")
            raise

    def _keep(self, ledger: Ledger, request: str, candidates: Sequence[Candidate], why: str) -> None:
        with ledger.batch() as batch:
            self.partial = tuple(candidate.keep(batch, request, why) for candidate in candidates)


def submit(artifact: Artifact, *, policy: Policy | str | Path = "default", ledger: Ledger | None = None,
           asked: Mapping[str, Any] | None = None, request_stamp: Stamp | None = None) -> Released:
    """Checks, decides upon and seals a work that was made in several steps.

    request_stamp: the stamp of the request it answers; where there is none, the artifact's request is stamped.

    Raises: Withheld, BadInput, LedgerBroken
    """
    resolved = policy if isinstance(policy, Policy) else load_policy(policy)
    judged_by = resolved.asks(asked or {})
    with _book(ledger) as book:
        request = (stamp_request(book, artifact.room, artifact.request, resolved, judged_by)
                   if request_stamp is None else request_stamp.id)
        return seal(judge(artifact, resolved, judged_by, request), book)


def stamp_request(ledger: Ledger, room: str, request: Any, policy: Policy, asked: Mapping[str, Any]) -> str:
    """Stamps what was asked, in full, before anything is made; returns the stamp's id.

    Raises: BadInput, LedgerBroken, OutOfRoom
    """
    try:
        written, judged_by = utf8(canonical(request)), utf8(canonical(policy.asks(asked)))
    except (TypeError, ValueError) as error:
        raise BadInput(f"this request cannot be recorded: {error}") from error
    body = {"room": room, "model": to_json(request).get("model"), "policy": policy.name,
            "content": sha256_bytes(written), "asked": sha256_bytes(judged_by)}
    return ledger.append("request", body, [written, judged_by]).id


@contextmanager
def _book(ledger: Ledger | None) -> Iterator[Ledger]:
    """The ledger that was given, or the one at home, open for as long as the block lasts."""
    if ledger is not None:
        yield ledger
        return
    with open_ledger() as own:
        yield own
