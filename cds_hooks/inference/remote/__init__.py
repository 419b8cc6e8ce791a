"""What speaking to a model server takes: address, connection, events, faults."""
