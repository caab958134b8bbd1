"""Files of payments: read and judged as a whole, then asked for line by line"""
