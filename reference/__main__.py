"""Writes docs/reference anew."""

from reference.pages import write

write()
