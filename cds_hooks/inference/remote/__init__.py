"""An engine on a model server (vLLM, llama-server): address, connection, stream, faults."""
