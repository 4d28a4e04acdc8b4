"""Values and arithmetic of trading: standard library only, no clock, no machinery."""
