"""What a person must look at: raised by whoever sees it, listed, and cleared with a reason."""
