"""Brings messages to people, through Apprise; knows nothing of what they say."""

from app.notify.channels import Channel, NotDelivered, UnknownAddress, channels

__all__ = ["Channel", "NotDelivered", "UnknownAddress", "channels"]
