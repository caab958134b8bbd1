// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

// A token with the habits that real ones have: it takes a fee, returns nothing or the wrong thing,
// does nothing and says so nowhere, logs what never was, and changes what a unit of it is.
contract Habits {
    event Transfer(address indexed from, address indexed to, uint256 value);

    uint8 constant RETURNS_TRUE = 0;
    uint8 constant RETURNS_NOTHING = 1;
    uint8 constant RETURNS_FALSE = 2;
    uint8 constant DOES_NOTHING = 3;
    uint8 constant LOGS_ONLY = 4;

    mapping(address => uint256) public balanceOf;
    uint8 public decimals = 6;
    uint8 public mode;
    uint16 public feeBasisPoints;
    address immutable owner = msg.sender;

    constructor() {
        balanceOf[msg.sender] = 1e15;
    }

    function set(uint8 mode_, uint16 fee_, uint8 decimals_) external {
        (mode, feeBasisPoints, decimals) = (mode_, fee_, decimals_);
    }

    function lie(address from, address to, uint256 value) external {
        emit Transfer(from, to, value);
    }

    function transfer(address to, uint256 value) external {
        if (mode < DOES_NOTHING) {
            balanceOf[msg.sender] -= value;
            uint256 fee = (value * feeBasisPoints) / 10000;
            if (fee > 0) {
                balanceOf[owner] += fee;
                emit Transfer(msg.sender, owner, fee);
            }
            balanceOf[to] += value - fee;
            emit Transfer(msg.sender, to, value - fee);
        } else if (mode == LOGS_ONLY) {
            emit Transfer(msg.sender, to, value);
        }
        if (mode != RETURNS_NOTHING) {
            bool said = mode != RETURNS_FALSE;
            assembly {
                mstore(0, said)
                return(0, 32)
            }
        }
    }
}
