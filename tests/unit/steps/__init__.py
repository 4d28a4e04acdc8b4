"""The verbs of the flow, each over ports in memory."""
