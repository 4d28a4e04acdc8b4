"""What can keep the console from starting."""


class PortTaken(Exception):
    """The address cannot be listened on; the message says the cure."""
