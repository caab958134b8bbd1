// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.4.26;

// A dollar with the habits of the one that TRON moves most: a transfer that succeeds returns false,
// because its last line returns nothing; its issuer freezes payers (not payees), stops all, and may
// take a fee; an allowance is set from nothing only; short calldata is refused; what can't be is an
// assertion, which burns all energy. One more, of contracts that lie: it may do nothing and say yes.
contract Dollar {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    string public constant name = "Dollar";
    string public constant symbol = "USDX";
    uint256 public decimals = 6;
    uint256 public basisPointsRate;
    uint256 public maximumFee;
    address public owner = msg.sender;
    bool public paused;
    bool public lazy;
    mapping(address => uint256) balances;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) blacklisted;

    constructor() public {
        balances[msg.sender] = 1e15;
    }

    modifier onlyOwner() {
        require(msg.sender == owner);
        _;
    }

    modifier whenNotPaused() {
        require(!paused);
        _;
    }

    modifier wholeCall(uint256 size) {
        require(msg.data.length >= size + 4);
        _;
    }

    function balanceOf(address who) public view returns (uint256) {
        return balances[who];
    }

    function isBlackListed(address who) public view returns (bool) {
        return blacklisted[who];
    }

    function transfer(address to, uint256 value)
        public
        whenNotPaused
        wholeCall(64)
        returns (bool)
    {
        require(!blacklisted[msg.sender]);
        if (lazy) {
            return true;
        }
        move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value)
        public
        whenNotPaused
        wholeCall(96)
        returns (bool)
    {
        require(!blacklisted[from]);
        uint256 left = allowance[from][msg.sender];
        assert(value <= left);
        allowance[from][msg.sender] = left - value;
        move(from, to, value);
    }

    function approve(address spender, uint256 value) public whenNotPaused wholeCall(64) {
        require(value == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
    }

    function setParams(uint256 rate, uint256 most) public onlyOwner {
        require(rate < 20 && most < 50);
        basisPointsRate = rate;
        maximumFee = most * 1e6;
    }

    function setDecimals(uint256 places) public onlyOwner {
        decimals = places;
    }

    function setLazy(bool yes) public onlyOwner {
        lazy = yes;
    }

    function addBlackList(address who) public onlyOwner {
        blacklisted[who] = true;
    }

    function removeBlackList(address who) public onlyOwner {
        blacklisted[who] = false;
    }

    function pause() public onlyOwner {
        paused = true;
    }

    function unpause() public onlyOwner {
        paused = false;
    }

    function move(address from, address to, uint256 value) private {
        assert(value <= balances[from]);
        uint256 fee = (value * basisPointsRate) / 10000;
        if (fee > maximumFee) {
            fee = maximumFee;
        }
        balances[from] -= value;
        balances[to] += value - fee;
        if (fee > 0) {
            balances[owner] += fee;
            emit Transfer(from, owner, fee);
        }
        emit Transfer(from, to, value - fee);
    }
}
