"""Text as a table of a page can hold it."""


def line(text: str | None) -> str:
    """Of the first paragraph one line."""
    return " ".join((text or "").split("\n\n")[0].split()).replace("|", "\\|")
