"""One data source a file; the folder is the list of them."""
