"""Tests of what is shipped for those who deploy it."""
