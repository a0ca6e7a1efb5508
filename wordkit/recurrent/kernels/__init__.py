"""What language models compute on the CPU, in vector registers, through Numba."""
