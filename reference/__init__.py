"""What the site says of the code, written from the code; nothing of the farm needs it."""
