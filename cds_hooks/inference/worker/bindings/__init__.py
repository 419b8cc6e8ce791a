"""llama.cpp and ggml as Python values; nothing else of the worker calls them."""
