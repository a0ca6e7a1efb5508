"""What recurrent networks are made of: cells, layers, dropout, the output layer."""
