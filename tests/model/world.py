"""The two services outside: a provider of each rotation kind, and Secrets Manager as it is documented.

Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html. A version id is written
once: the same content again does nothing, other content is refused. A put moves AWSCURRENT without comparing, and AWSPREVIOUS
follows to the version that AWSCURRENT left.
"""

from typing import Final

from tests.model.state import GRANT_DEAD, NEW_TOKENS, NONE, Call, Provider, Secret

STATIC: Final = "static"  # the refresh token never changes
GRACE: Final = (
    "grace"  # the spent token answers with the same successor until that is used; older ones kill the grant
)
STRICT: Final = "strict"  # a spent token is refused
STRICT_KILL: Final = "strict_kill"  # a spent token kills the grant
KINDS: Final = (STATIC, GRACE, STRICT, STRICT_KILL)

ACCEPTED: Final = "accepted"
EXISTS: Final = "ResourceExistsException"


def refresh(provider: Provider, kind: str, token: int) -> tuple[Provider, str, int]:
    """Answer one refresh request: the provider after it, the class of the answer and the refresh token given, if one was."""
    if token == NONE:
        return provider, GRANT_DEAD, NONE
    grant = provider.grant[token]
    if grant in provider.dead:
        return provider, GRANT_DEAD, NONE
    newest = provider.newest[grant]
    if token == newest:
        if kind == STATIC:
            return provider, NEW_TOKENS, NONE
        serial = len(provider.grant)
        heads = (*provider.newest[:grant], serial, *provider.newest[grant + 1 :])
        lineage = (*provider.grant, grant), (*provider.parent, token)
        return Provider(heads, *lineage, provider.dead), NEW_TOKENS, serial
    if kind == GRACE and provider.parent[newest] == token:
        return provider, NEW_TOKENS, newest
    if kind in (GRACE, STRICT_KILL):
        return kill(provider, grant), GRANT_DEAD, NONE
    return provider, GRANT_DEAD, NONE


def kill(provider: Provider, grant: int) -> Provider:
    """End a grant with all its tokens."""
    return provider._replace(dead=provider.dead | {grant})


def consent(provider: Provider) -> tuple[Provider, int]:
    """Begin a new grant and return its first serial."""
    serial = len(provider.grant)
    grant = len(provider.newest)
    return (
        Provider(
            (*provider.newest, serial), (*provider.grant, grant), (*provider.parent, NONE), provider.dead
        ),
        serial,
    )


def put(secret: Secret, call: Call) -> tuple[Secret, str]:
    """Take one PutSecretValue."""
    for version, content in secret.versions:
        if version == call.version:
            return secret, ACCEPTED if content == call.content else EXISTS
    versions = tuple(sorted((*secret.versions, (call.version, call.content))))
    if not call.moves:
        return secret._replace(versions=versions), ACCEPTED
    return Secret(versions, call.version, call.content, secret.current, secret.current_content), ACCEPTED
