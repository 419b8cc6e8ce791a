"""What the engine process gives up before it reads a model: files, network, system calls."""
