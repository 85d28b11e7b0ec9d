"""What a case is proved with later, how long it is kept, and how it is checked offline."""
