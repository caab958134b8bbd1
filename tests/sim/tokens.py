"""What happens to the token of a game: its contract and its issuer do what they like, and coins for
its fees and its sweeps are brought by rule."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Final

from chains.model import Address
from custody.db.session import WriteSession
from custody.gas.model import Bearer
from custody.gas.service import NewRule as GasRule
from custody.gas.service import set_rule as set_gas_rule
from custody.sweeps.service import NewRule as SweepRule
from custody.sweeps.service import set_rule as set_sweep_rule
from tests.sim.assets import catalogue
from tests.sim.house import FUNDS, House, other_costs
from tests.sim.people import decide
from tests.sim.process import Process
from tests.sim.reading import addresses_of
from tests.support.fake_tokens import Mode

GIVEN: Final = 200_000
"""That each vault has in the beginning."""
SWEPT_FROM: Final = 5_000
_FEES: Final = (0, 100, 500)
"""Hundredths of a percent."""
_FEE_MOST: Final = 40_000
_WHY: Final = "so that tokens move"


async def begin_tokens(house: House) -> None:
    """Each vault has some: the last one no coin to pay for them, and the first one a later address
    that is swept."""
    if house.token is None:
        return
    process = house.processes[0]
    for vault in house.vaults:
        first = Address(addresses_of(house.books, vault.id)[0])
        await house.node.fund(first, GIVEN, asset=house.token)
    for vault in (house.vaults[0], house.vaults[-1]):
        make = process.services.vaults.create_addresses(vault.id, house.network.id)
        await process.machine.start(make)
    await house.node.mine()
    await house.node.finalize()
    await process.machine.start(process.follow())
    carries = Random(f"carries {house.seed}").random() < 0.5
    await _set_gas(house, process, bears=Bearer.CLIENT, enough=True, carries=carries)
    for vault, asset in ((house.vaults[0], house.network.native.id), (house.vaults[-1], None)):
        await _set_sweep(house, process, vault.id, asset or house.token, wanted=True)


# The issuer and its contract


async def token_misbehaves(house: House, dice: Random) -> None:
    """Its contract takes a fee, does nothing, or gives to somebody else; or is honest again."""
    if house.token is None:
        return
    contract = house.node.tokens[house.token]
    if contract.mode is not Mode.PAYS or contract.fee:
        contract.mode, contract.fee = Mode.PAYS, 0
        return
    contract.mode = dice.choice((Mode.PAYS, Mode.PAYS, Mode.DOES_NOTHING, Mode.DIVERTS))
    contract.fee = dice.choice(_FEES)
    house.say(f"  the token {contract.mode}, and takes {contract.fee}")


async def issuer_stops(house: House, dice: Random) -> None:
    """It freezes somebody, stops everything, or lets all go on."""
    if house.token is None:
        return
    contract = house.node.tokens[house.token]
    if contract.is_paused or contract.frozen:
        contract.is_paused = False
        contract.frozen.clear()
        return
    found = addresses_of(house.books, dice.choice(house.vaults).id)
    if dice.random() < 0.3 or not found:
        contract.is_paused = True
    else:
        payees = [each for one in house.asked if one.asset == house.token for each in one.payees]
        contract.frozen.add(dice.choice([*found, *payees[-2:]]))
    house.counts["stopped by an issuer"] += 1
    process = house.any_process(dice)
    house.begin(process, "restraints", process.ask_restraints)


async def claw_back(house: House, dice: Random) -> None:
    """The issuer takes what an address of ours has, or a part of it."""
    if house.token is None:
        return
    found = addresses_of(house.books, dice.choice(house.vaults).id)
    address = Address(dice.choice(found))
    has = house.node.state.balances.get((address, house.token), 0)
    if has:
        house.counts["taken by an issuer"] += 1
        await house.node.pull(address, dice.choice((has, has // 3 + 1)), asset=house.token)


async def thief(house: House, dice: Random) -> None:
    """Somebody has a key of ours and pays with it."""
    if house.token is None:
        return
    found = addresses_of(house.books, dice.choice(house.vaults).id)
    address = Address(dice.choice(found))
    has = house.node.state.balances.get((address, house.network.native.id), 0)
    if has > house.node.fee + 1:
        house.counts["stolen"] += 1
        house.node.steal(address, dice.randrange(1, min(10_000, has - house.node.fee)))


async def give_back(house: House) -> None:
    """At the end: a payment of what was stolen, or what an issuer took, waits for as long as it is
    missing."""
    for vault in house.vaults:
        first = Address(addresses_of(house.books, vault.id)[0])
        if house.counts["stolen"]:
            await house.node.fund(first, FUNDS)
        if house.counts["taken by an issuer"]:
            await house.node.fund(first, GIVEN, asset=house.token)


async def unfreeze(house: House, dice: Random) -> None:
    """A person has looked, and lets a frozen vault go on."""
    found = frozen(house)
    if found:
        await let_pay(house, house.any_process(dice), dice.choice(found))


async def unfreeze_all(house: House) -> None:
    for each in frozen(house):
        await let_pay(house, house.processes[0], each)


def frozen(house: House) -> list[str]:
    """That somebody may let go on: after the signer has lost records that is each transfer's own
    question."""
    if house.has_lost:
        return []
    return house.books.column("SELECT id FROM vaults WHERE frozen_reason IS NOT NULL ORDER BY id")


async def let_pay(house: House, process: Process, vault: str) -> None:
    unfreezing = process.services.unfreezing
    told = await decide(
        house,
        process,
        "unfreeze",
        lambda: unfreezing.unfreeze(vault, _WHY, by="ada", despite_difference=True),
    )
    house.counts["unfrozen"] += told is not None


# Deposits of tokens, and later addresses


async def token_deposit(house: House, dice: Random) -> None:
    """To any address of ours."""
    if house.token is not None:
        address = dice.choice(addresses_of(house.books, dice.choice(house.vaults).id))
        await house.node.fund(Address(address), dice.randrange(1, 50_000), asset=house.token)


async def new_address(house: House, dice: Random) -> None:
    """Another one, which is paid in either asset, from which its vault doesn't pay."""
    if house.token is None:
        return
    process, vault = house.any_process(dice), dice.choice((house.vaults[0], house.vaults[-1]))
    create = process.services.vaults.create_addresses
    made = await decide(house, process, "address", lambda: create(vault.id, house.network.id))
    if made:
        asset = dice.choice((house.token, house.network.native.id))
        await house.node.fund(Address(made[0].address), dice.randrange(1, 60_000), asset=asset)


# Rules


async def set_gas(house: House, dice: Random) -> None:
    """Who brings coins, and how many, or that nobody does any more."""
    if house.token is not None:
        bears = dice.choice((Bearer.HOUSE, Bearer.CLIENT, None))
        enough, carries = dice.random() < 0.8, dice.random() < 0.5
        process = house.any_process(dice)
        await _set_gas(house, process, bears=bears, enough=enough, carries=carries)


async def _set_gas(
    house: House, process: Process, *, bears: Bearer | None, enough: bool, carries: bool
) -> None:
    """`bears`: None: there is no rule. The first vault pays; where it `carries`, it submits what
    others signed and brings no coins for that."""
    each = _FEE_MOST + other_costs(house.network) if enough else 1_500
    payer = house.vaults[0].id

    async def begin(session: WriteSession) -> object:
        assert house.key is not None
        key = house.key.id
        new = None if bears is None else GasRule(payer, each, 20 * each, bears, key, carries)
        now = process.clock()
        return await set_gas_rule(session, house.network, None, new, _WHY, now, by="ada")

    await _as_caller(house, process, "gas rule", begin)


async def set_sweep(house: House, dice: Random) -> None:
    if house.token is not None:
        vault = dice.choice((house.vaults[0], house.vaults[-1]))
        asset = dice.choice((house.token, house.network.native.id))
        wanted = dice.random() < 0.8
        await _set_sweep(house, house.any_process(dice), vault.id, asset, wanted=wanted)


async def _set_sweep(
    house: House, process: Process, vault: str, asset: str, *, wanted: bool
) -> None:
    known = catalogue().find_asset(asset)

    async def begin(session: WriteSession) -> object:
        assert house.key is not None
        most = _FEE_MOST + other_costs(house.network)
        new = SweepRule(SWEPT_FROM, None, most, None, None, house.key.id) if wanted else None
        now = process.clock()
        return await set_sweep_rule(session, vault, house.network, known, new, _WHY, now, by="ada")

    await _as_caller(house, process, "sweep rule", begin)


async def _as_caller(house: House, process: Process, what: str, begin: object) -> None:
    async def run() -> object:
        await house.caller(process)
        return await process.write(begin)  # type: ignore[arg-type]

    await decide(house, process, what, run)


async def bring_gas(house: House, dice: Random) -> None:
    for process in house.processes if dice.random() < 0.4 else [house.any_process(dice)]:
        house.begin(process, "gas", process.bring_gas)


async def sweep_up(house: House, dice: Random) -> None:
    for process in house.processes if dice.random() < 0.4 else [house.any_process(dice)]:
        house.begin(process, "sweeps", process.sweep)


async def ask_restraints(house: House, dice: Random) -> None:
    process = house.any_process(dice)
    house.begin(process, "restraints", partial(process.ask_restraints))


async def go_by_rules(house: House, dice: Random) -> None:
    """Top-ups and sweeps are asked for, come to a final block, and are followed."""
    if house.token is None:
        return
    for _ in range(2):
        for process in house.processes:
            house.begin(process, "gas", process.bring_gas)
            house.begin(process, "sweeps", process.sweep)
        await house.settle_down()
        await to_a_block(house, dice)
        await house.node.finalize()


async def to_a_block(house: House, dice: Random) -> None:
    """What waits is sent, and the block that has it is followed."""
    process = house.any_process(dice)
    house.begin(process, "send", partial(process.send, 64))
    await house.settle_down()
    await house.node.mine()
    process = house.any_process(dice)
    house.begin(process, "follow", process.follow)
    await house.settle_down()
