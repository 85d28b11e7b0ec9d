"""What follows from a decision: messages, statements of reasons, labels, block list, notices."""
