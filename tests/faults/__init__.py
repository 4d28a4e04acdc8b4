"""One test for each fault of docs/faults.md, named after its number."""
