"""MEXC's protocol, REST and websocket, over a simulated, recorded or mirrored market."""
