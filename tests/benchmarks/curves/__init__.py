"""How cost grows with the size of a batch, a register, a video, and with the number of clients."""
