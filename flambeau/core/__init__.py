"""What a tensor is: a value or a view of a storage, with a history; and the modes in which all is recorded."""
