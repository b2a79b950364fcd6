"""What a run must show; a failed expectation says which."""


class NotConformingError(AssertionError):
    """Entry, simulation and service do not agree; the message says in what."""


def expect(condition: object, what: str) -> None:
    if not condition:
        raise NotConformingError(what)
