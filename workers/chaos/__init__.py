"""Chaos: a farm of its own is troubled by a script, and judged from the venue's own journal."""
