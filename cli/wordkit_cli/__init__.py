"""The command line of wordkit: parse, call the library, print."""
