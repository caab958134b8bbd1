"""Files as this program writes them, kept so that every later version is seen to read them."""
