"""A llama.cpp engine on this machine, as the service sees it: process, restarts, messages."""
