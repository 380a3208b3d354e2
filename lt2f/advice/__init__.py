"""What a learning rate will do: a question in the engineer's units, an answer in the same."""
