"""What can go wrong, in our words; those of a venue say what is known about the order."""


class Missing(LookupError):
    """The key names nothing in the database."""


class VenueError(Exception):
    """The venue did not do what was asked."""


class Refused(VenueError):
    """A clear no: the order does not exist and will not. `code` is the venue's."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Restricted(Refused):
    """A clear no to all of a kind: the venue takes no `market_orders` of the symbol, or it is not `tradable`."""

    def __init__(self, message: str, code: str, what: str) -> None:
        super().__init__(message, code)
        self.args = (message, code, what)  # between processes an error is made anew from these
        self.what = what

    def __str__(self) -> str:
        return str(self.args[0])


class Unknown(VenueError):
    """No clear answer: the order may exist."""


class Unavailable(VenueError):
    """The request was never sent, or a read got no answer: nothing changed, ask again later."""


class NotOpenYet(Missing, Unavailable):
    """The account has no cash yet: the farm opens it when the venue has told its balance."""


class RateLimited(Unavailable):
    """Too many requests; not placed. Wait `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, retry_after_s)  # all of it: between processes an error is made anew from these
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return str(self.args[0])


class Denied(VenueError):
    """Keys or address are wrong: a person must act; `cure` says how."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message, cure)
        self.cure = cure

    def __str__(self) -> str:
        return str(self.args[0])
