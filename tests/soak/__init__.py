"""Long runs of a whole farm, which `make soak` starts; nobody else does."""
