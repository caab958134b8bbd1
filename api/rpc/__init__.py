"""A vault as the wallet of apps: JSON-RPC in the words of EIP-1193, by HTTP and by WebSocket.

`protocol`: JSON-RPC 2.0 as bytes. `doors`: who asks. `methods`: the list of what is answered.
`asking`, `bundles`: what becomes a transfer. `reading`: what a node is asked. `heads`: what is
followed for subscribers. `http`, `socket`: the two ways in. Decides nothing about money.
"""
