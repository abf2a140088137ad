"""How a state looks: a word, a shape and a tone, so that none of them is needed to read it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Tone = Literal["good", "going", "warn", "bad", "quiet"]


class Look(NamedTuple):
    """The word of a state, the name of its icon, and its tone."""

    word: str
    icon: str
    tone: Tone


_LOOKS: dict[str, Look] = {
    # releases
    "proposed": Look("waits for approval", "waiting", "warn"),
    "refused": Look("refused by the gate", "cross", "bad"),
    "approved": Look("approved", "tick", "going"),
    "rolling-out": Look("rolling out", "half", "going"),
    "live": Look("live", "tick", "good"),
    "superseded": Look("superseded", "past", "quiet"),
    "rolled-back": Look("rolled back", "back", "bad"),
    "rejected": Look("rejected", "cross", "bad"),
    "failed": Look("failed", "cross", "bad"),
    # endpoints
    "serving": Look("serving", "tick", "good"),
    "canary": Look("canary", "half", "going"),
    "starting": Look("starting", "waiting", "going"),
    "silent": Look("not answering", "alert", "bad"),
    "faulty": Look("behind", "alert", "warn"),
    "idle": Look("nothing released", "empty", "quiet"),
    # environments
    "frozen": Look("frozen", "waiting", "warn"),
    "freeze-planned": Look("to come", "waiting", "quiet"),
    "as-coded": Look("as its code says", "tick", "good"),
    "differs": Look("differs from its code", "alert", "bad"),
    "overdue": Look("check overdue", "question", "warn"),
    "unchecked": Look("never checked", "question", "quiet"),
    "nothing-applied": Look("nothing applied", "empty", "quiet"),
    # alerts
    "open": Look("open", "alert", "bad"),
    "acknowledged": Look("acknowledged", "eye", "warn"),
    "resolved": Look("resolved", "tick", "quiet"),
    # checks
    "passed": Look("met", "tick", "good"),
    "could-not-be-evaluated": Look("could not be evaluated", "question", "bad"),
    # decisions
    "allowed": Look("allowed", "tick", "quiet"),
    "denied": Look("denied", "cross", "bad"),
    "done": Look("done", "tick", "quiet"),
    # roles for some hours
    "elevation-requested": Look("asked for", "waiting", "warn"),
    "elevation-active": Look("holds", "tick", "going"),
    "elevation-rejected": Look("rejected", "cross", "quiet"),
    "elevation-withdrawn": Look("withdrawn", "back", "quiet"),
    "elevation-lapsed": Look("lapsed", "past", "quiet"),
    "elevation-ended": Look("ended", "past", "quiet"),
    "elevation-expired": Look("expired", "past", "quiet"),
    # jobs
    "queued": Look("queued", "waiting", "quiet"),
    "running": Look("running", "half", "going"),
    "registered": Look("registered", "half", "going"),
    "succeeded": Look("succeeded", "tick", "good"),
}


def look(state: str) -> Look:
    """How ``state`` looks; an unknown one is shown as it is called."""
    return _LOOKS.get(state, Look(state, "empty", "quiet"))
