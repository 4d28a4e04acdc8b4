"""The console: pages that show what the farm does and why, and the API that they and other programs use."""
