"""What kernels of every family need: compilers, machine code kept on disk, vectors, threads, memory."""
