# Read by CMake at the start of llama.cpp's own project (CMAKE_PROJECT_llama.cpp_INCLUDE).
# The package that wraps it forces this option on in the cache, for a library of helpers that only
# llama.cpp's programs use; a variable of the project's own comes before the cache.
set(LLAMA_BUILD_COMMON OFF)
