"""The state of the model: one connection, its provider, its secret, the processes at work on it and the faults still to come.

Plain named tuples, since a search hashes and copies them by the million; every field compares with its like, so that the workers
can be sorted.
"""

from typing import Final, NamedTuple

NONE: Final = -1

# The status of a row. Reauthorization is required in DEAD (the provider refused the grant) and LOST (an answer was lost).
ACTIVE: Final = "active"
DEAD: Final = "reauthorization required: grant dead"
LOST: Final = "reauthorization required: lost response"
DISCONNECTED: Final = "disconnected"

# Where `due_at` stands. Time is not counted: NOW has come, LEASE_END comes when the lease ends, PLAN is too far to wait for.
NOW: Final = "now"
LEASE_END: Final = "the lease's end"
PLAN: Final = "the plan"
NEVER: Final = "never"

# Where a worker stands: what it does next.
IDLE: Final = "idle"
READ: Final = "has read"  # steps 0 and 1 done, the lease comes next
LEASED: Final = "leased"  # step 2 done, the POST comes next
POSTED: Final = "posted"  # steps 3 and 4 done, the commit or the verdict comes next
PUBLISHING: Final = "publishing"  # step 7: markers and puts
FINISHING: Final = "finishing"  # step 7: the write that acknowledges
REVOKED: Final = "revoked"  # the revocation was sent, the write that says so comes next

# How the provider's answer is classed (step 4).
NO_ANSWER: Final = ""
NEW_TOKENS: Final = "new token set"
GRANT_DEAD: Final = "grant dead"
UNKNOWN: Final = "outcome unknown"
REFUSED: Final = "throttled"  # stands for not_sent, throttled, client_misconfigured and provider_down: surely not processed

TOKEN: Final = "token"
WITHDRAWAL: Final = "withdrawal"
MARKER: Final = "marker"


class Content(NamedTuple):
    """What a version of the secret holds."""

    kind: str
    epoch: int = 0
    generation: int = 0
    token: int = NONE


WITHDRAWN: Final = Content(WITHDRAWAL)
SPENT: Final = Content(MARKER)


class Row(NamedTuple):
    """The one DynamoDB item. An attempt is named by the fence that its lease write produced."""

    status: str
    epoch: int
    generation: int
    token: int  # serial of the refresh token; the access token of the same set goes by the same serial
    number: int  # publication_number
    published: int  # published_number
    due: str
    hold: bool = False
    fence: int = 0
    lease: int = 0  # the attempt that holds it, 0 for none
    lease_ended: bool = False
    attempt_open: bool = False  # an attempt on this generation was recorded and its outcome was not
    committed_by: int = 0
    owed: int = NONE  # serial whose revocation is owed to the provider


class Provider(NamedTuple):
    """The authorization server: every grant's newest serial, every serial's grant and parent, and the grants that are dead."""

    newest: tuple[int, ...]
    grant: tuple[int, ...]
    parent: tuple[int, ...]
    dead: frozenset[int] = frozenset()


class Call(NamedTuple):
    """One PutSecretValue; a marker carries its own stage, so that AWSCURRENT stays."""

    version: int
    content: Content
    moves: bool


class Secret(NamedTuple):
    """Secrets Manager's side: what was written under each version id, and where the two stages point."""

    versions: tuple[tuple[int, Content], ...]
    current: int
    current_content: Content
    previous: int
    previous_content: Content


class Worker(NamedTuple):
    """One process: what it does next and what it remembers."""

    step: str
    epoch: int = 0
    generation: int = 0
    token: int = NONE
    fence: int = 0
    doubt: bool = False  # the lease write found an earlier attempt open
    answer: str = NO_ANSWER
    gained: int = NONE
    number: int = 0
    calls: tuple[Call, ...] = ()
    plan: str = NEVER


RESTING: Final = Worker(IDLE)


class Budget(NamedTuple):
    """How often each thing may still happen in a run."""

    attempts: int = 2
    looks: int = 1  # a hint arrives and finds something other than a refresh to do
    disconnects: int = 0
    reconnects: int = 0
    holds: int = 0  # set or lifted
    revokes: int = 0  # the user revokes at the provider
    crashes: int = 0
    lost: int = 0  # a request or an answer of the provider
    throttles: int = 0  # of the provider or of Secrets Manager
    write_timeouts: int = 0  # a DynamoDB write that succeeded
    put_timeouts: int = 0  # a Secrets Manager call that succeeded
    delays: int = 0  # a Secrets Manager call that timed out and takes effect later
    store_outages: int = 0  # the commit finds the store down until the deadline


class State(NamedTuple):
    """Everything. `rescued` is the sink's record: epoch, generation and serial, or empty."""

    row: Row
    provider: Provider
    secret: Secret
    workers: tuple[Worker, ...]
    budget: Budget
    flying: tuple[Call, ...] = ()
    rescued: tuple[int, ...] = ()
    window_epoch: int = 0  # epoch in which a strict provider's answer was lost for good
    revoked_epoch: int = 0  # epoch whose grant the user revoked


def build_initial(budget: Budget, *, workers: int, connected: bool) -> State:
    """Return a connection at rest: connected and published under number 1, or new with its empty secret acknowledged."""
    row = Row(DISCONNECTED, epoch=0, generation=0, token=NONE, number=0, published=0, due=NEVER)
    provider = Provider(newest=(), grant=(), parent=())
    secret = Secret(((0, WITHDRAWN),), 0, WITHDRAWN, NONE, WITHDRAWN)
    if connected:
        row = Row(ACTIVE, epoch=1, generation=1, token=0, number=1, published=1, due=PLAN)
        provider = Provider(newest=(0,), grant=(0,), parent=(NONE,))
        content = Content(TOKEN, 1, 1, 0)
        secret = Secret(((0, WITHDRAWN), (1, content)), 1, content, 0, WITHDRAWN)
    return State(row, provider, secret, (RESTING,) * workers, budget)
