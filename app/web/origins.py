"""Whether a request comes from one of our own pages, or from a program: by the headers that browsers set themselves."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"", "same-origin", "none"})
LARGEST_BODY = 65_536


def host_name(host: str) -> str:
    """The name in a Host header, without its port; empty if it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:  # brackets that hold no address
        return ""


def is_known(host: str, names: Sequence[str]) -> bool:
    """Whether a Host header names us.

    A page of somebody else's can make its own name point to this machine, and would then be of one origin with us: so
    names have to be known. An address, or localhost, is nobody else's name.
    """
    name = host_name(host)
    if name == "localhost" or name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def objection(method: str, headers: Mapping[str, str]) -> str | None:
    """Why a request cannot be from one of our pages or from a program, or None. Header names are small."""
    if headers.get("sec-fetch-site", "") not in OURS and not _is_a_link(method, headers):
        return "another web page asked for it"
    if method in SAFE:
        return None
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        return "another web page sent it"
    return None


def _is_a_link(method: str, headers: Mapping[str, str]) -> bool:
    """Somebody else's page may have a link to ours; the browser then shows ours in its place."""
    return (
        method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    )


def too_large(headers: Mapping[str, str]) -> bool:
    """Whether the body is larger than any that we take, or does not say how large it is."""
    length = headers.get("content-length", "0")
    return "transfer-encoding" in headers or not length.isdigit() or int(length) > LARGEST_BODY
