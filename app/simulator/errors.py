"""MEXC's refusals: codes and sentences as it answers them."""


class Refusal(Exception):
    """A clear no, answered as {"code": …, "msg": …}."""

    def __init__(self, code: int, message: str, status: int = 400, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, object]:
        """As it is answered."""
        return {"code": self.code, "msg": self.message}


def bad_symbol() -> Refusal:
    """There is no such symbol."""
    return Refusal(-1121, "Invalid symbol.")


def missing(name: str) -> Refusal:
    """A parameter is not there, or is no number where one belongs."""
    return Refusal(700004, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_found() -> Refusal:
    """No such order, or not to be seen yet."""
    return Refusal(-2013, "Order does not exist.")


def nothing_to_cancel() -> Refusal:
    """No such order, or it is done."""
    return Refusal(-2011, "Unknown order sent.")
