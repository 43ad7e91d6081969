"""How compute says no."""

from __future__ import annotations

from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable


class DeploymentNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"No model {name!r} can be called here.", hint="GET /v1/models lists those that you may call.")
        self.name = name


class DeploymentTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is deployed already.")
        self.name = name


class Inadmissible(Invalid):
    """Cannot be like that. ``sentence`` says why, with ``%(name)s`` where ``facts`` stand, so that pages can say it in
    other languages, too."""

    def __init__(self, sentence: str, *, hint: str | None = None, **facts: object) -> None:
        super().__init__(sentence % facts if facts else sentence, hint=hint)
        self.sentence, self.facts = sentence, facts


class DeploymentInvalid(Inadmissible):
    """A deployment cannot be like that."""


class DeploymentDenied(Denied):
    def __init__(self, name: str) -> None:
        super().__init__(f"You may not deploy {name}, or change it.", hint="Whoever may write to the namespace may.")
        self.name = name


class DeploymentOff(Unavailable):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is switched off.", hint="Its owner can switch it on.")
        self.name = name


class ReplicaFailed(Unavailable):
    """A runtime does not start, does not answer, or died while it answered."""


class PoolFull(Exhausted):
    """No memory, or no place, for another replica now."""


class ModelTooLarge(DeploymentInvalid):
    def __init__(self, name: str, needed_bytes: int, limit_bytes: int) -> None:
        needed, limit = (f"{count / 1e9:.3g} GB" for count in (needed_bytes, limit_bytes))
        super().__init__(
            f"{name} would need {needed} of memory; a replica may use {limit} here.",
            hint="Ask for a shorter context, deploy a smaller or quantized copy, or give replicas more memory.",
        )
        self.name, self.needed_bytes, self.limit_bytes = name, needed_bytes, limit_bytes


class ReplicaStalled(ReplicaFailed):
    """A model server sent nothing for too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The model server sent nothing for {seconds:g} seconds.", hint="Try again in a moment.")


class CallTooLong(ReplicaFailed):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"The call took longer than the {seconds:g} seconds that one may take.")


class CallInvalid(Invalid):
    """A call cannot be like that. ``param``: which of its fields."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class CallRepeated(Conflict):
    """A request id is for one call. ``call_id``, ``amount``: what came of it, None while it runs."""

    def __init__(self, request_id: str, call_id: int | None, amount: int | None) -> None:
        ended = "is running" if call_id is None else f"was paid with {amount} micro-credits (call {call_id})"
        super().__init__(
            f"The request {request_id} {ended}; it is not paid twice.", hint="Send another id to call again."
        )
        self.request_id, self.call_id, self.amount = request_id, call_id, amount


class CallNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no call {number}.")


class PayerDenied(Denied):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"You may not let {name} pay for this call.",
            hint="Members who may write can let an organization pay; a fine-grained token must name the model, and "
            "the organization with the right to write.",
        )
        self.name = name


class IsolationUnavailable(Unavailable):
    """Programs of strangers cannot be shut in on this machine."""

    hint = "The kernel must allow namespaces to the server; see docs/how-to/run-jobs.md."

    def __init__(self, reason: str) -> None:
        super().__init__(f"Programs cannot be isolated here: {reason}.")
        self.reason = reason


class JobNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no job {number}.")


class JobInvalid(Inadmissible):
    """Such a job cannot be done."""


class JobDenied(Denied):
    """The actor may know of the job, but not do or see this."""


class JobFailed(Invalid):
    """A job cannot come to its end, however often it is tried; the message says why."""


class LeaseLost(Conflict):
    """Another worker does this job now, or nobody any more."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Job {number} is not this worker's any more.")
