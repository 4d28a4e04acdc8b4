"""The verbs of the flow: one file, one step; what a step needs of the world arrives as keyword arguments."""
