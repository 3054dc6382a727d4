"""Invented film titles whose words fit their genre."""

from __future__ import annotations

from dataclasses import dataclass

from recae.data.dice import Dice


@dataclass(frozen=True)
class _Words:
    share: float
    """How common the genre is."""
    things: tuple[str, ...]
    kinds: tuple[str, ...]


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _words(share: float, things: str, kinds: str) -> _Words:
    return _Words(share, _split(things), _split(kinds))


GENRES: dict[str, _Words] = {
    "Drama": _words(
        5.0,
        "Letter Orchard Harvest Silence Daughter Farewell Inheritance Promise Kitchen Winter Teacher Harbor Window",
        "Quiet Borrowed Distant Fragile Unspoken Slow Faithful Ordinary",
    ),
    "Comedy": _words(
        4.2,
        "Wedding Neighbor Landlord Umbrella Reunion Dentist Soufflé Holiday Roommate Parrot Mix-Up Bachelor Trombone",
        "Accidental Reluctant Clumsy Cheerful Overbooked Unlikely Second-Hand Hungry",
    ),
    "Thriller": _words(
        2.6,
        "Witness Hostage Signal Deadline Informant Corridor Passenger Threshold Alibi Wiretap Stranger Pursuit",
        "Silent Cold Double Final Hidden Burning Locked Perfect",
    ),
    "Romance": _words(
        2.4,
        "Kiss Serenade Valentine Dance Summer Bouquet Confession Balcony Heart Waltz Postcard Honeymoon",
        "Tender Secret Endless Golden Rainy Parisian Forgotten First",
    ),
    "Action": _words(
        2.4,
        "Strike Commando Velocity Blast Convoy Countdown Vengeance Ricochet Extraction Bullet Squadron Fury",
        "Maximum Iron Lethal Rogue Relentless Red-Hot Armored Savage",
    ),
    "Adventure": _words(
        1.5,
        "Compass Expedition Treasure Voyage Summit River Caravan Island Map Lagoon Explorer Idol",
        "Lost Uncharted Emerald Wild Great Sunken Fearless Ancient",
    ),
    "Crime": _words(
        1.3,
        "Heist Racket Ledger Getaway Mobster Payoff Safecracker Verdict Pawnshop Syndicate Smuggler Bribe",
        "Crooked Dirty Midnight Honest Small-Time Marked Downtown Bitter",
    ),
    "Science Fiction": _words(
        1.2,
        "Orbit Android Nebula Colony Paradox Starship Horizon Module Quasar Mutation Transmission Asteroid",
        "Electric Quantum Lunar Synthetic Parallel Outer Zero-Gravity Solar",
    ),
    "Horror": _words(
        1.2,
        "Cellar Scream Scarecrow Nightmare Grave Possession Moth Ritual Attic Howling Shadow Doll",
        "Crawling Bloodless Whispering Rotten Haunted Hollow Cursed Nameless",
    ),
    "Children": _words(
        1.3,
        "Puppy Treehouse Balloon Hedgehog Schoolyard Snowman Pony Duckling Birthday Kite Bicycle Grandpa",
        "Magic Runaway Little Giggling Brave Upside-Down Sleepy Muddy",
    ),
    "War": _words(
        0.8,
        "Trench Battalion Armistice Frontline Bridgehead Medal Regiment Siege Telegram Barracks",
        "Fallen Last Muddied Unknown Divided Northern Loyal Scattered",
    ),
    "Mystery": _words(
        0.9,
        "Cipher Manor Clue Lodger Portrait Lighthouse Disappearance Keyhole Inspector Locket",
        "Missing Curious Crimson Vanishing Invisible Twelfth Foggy Unsigned",
    ),
    "Musical": _words(
        0.6,
        "Melody Overture Chorus Cabaret Encore Rhapsody Footlight Spotlight Tango Refrain",
        "Dancing Velvet Swinging Broadway Singing Starlit Dazzling Offbeat",
    ),
    "Documentary": _words(
        0.6,
        "Glacier Factory Migration Archive Stadium Chessboard Vineyard Reef Skyscraper Orchestra",
        "Inside Beyond Vanished Everyday Untold Deep Rolling Living",
    ),
    "Animation": _words(
        0.6,
        "Robot Dragonfly Teapot Raccoon Thundercloud Acorn Penguin Lantern Goblin Starfish",
        "Tiny Flying Rainbow Clockwork Bouncing Paper Moonlit Whiskered",
    ),
    "Western": _words(
        0.4,
        "Saddle Canyon Sheriff Stagecoach Outlaw Tumbleweed Gunsmith Prairie Homestead Mustang",
        "Dusty Lonesome Broken Sundown Wanted Silver Buffalo Barren",
    ),
    "Film-Noir": _words(
        0.4,
        "Cigarette Alley Blonde Nightclub Detective Neon Motive Blackmail Streetlamp Whiskey",
        "Smoky Scarlet Crooked Faithless Sleepless Two-Faced Lonely Sour",
    ),
    "Fantasy": _words(
        0.7,
        "Dragon Oracle Throne Wizard Amulet Kingdom Prophecy Unicorn Tower Sorceress",
        "Enchanted Elder Shattered Everlasting Mistbound Winged Forbidden Thorned",
    ),
}

_NAMES = _split(
    "Adele Anton Bruno Carmen Clara Dario Edith Elias Flora Gustav Hanna Ines Ivo Josefa Kamil Leonie Lucian Mabel "
    "Marta Nadia Oskar Paloma Quentin Rosa Silas Tamar Ulla Vera Wanda Yusuf"
)
_PLACES = _split(
    "Almira Bellavista Calder Castlemere Dunmoor Eastwick Fairhaven Galena Harrowgate Iskander Juniper Kestrel "
    "Larkspur Marrakin Norwood Ostrava Pembroke Quillon Ravenna Saltmarsh Tarragon Umbria Valmont Westerly Yarrow "
    "Zephyr"
)
_HOURS = ("Dawn", "Dusk", "Midnight", "Noon", "Sunrise", "Closing Time")
_SEASONS = ("Winter", "Spring", "August", "November", "Autumn", "Sunday")


def film_title(dice: Dice, genres: tuple[str, ...], taken: set[str]) -> str:
    """A title that is not in `taken` (and is added to it), from the words of `genres`, main genre first."""
    while True:
        title = _compose(dice, GENRES[genres[0]], GENRES[genres[-1]])
        if title not in taken:
            taken.add(title)
            return title


def sequel_title(dice: Dice, first: str, part: int, genres: tuple[str, ...], taken: set[str]) -> str:
    """The title of part 2, 3 ... of a series that began with `first`."""
    words = GENRES[genres[0]]
    ending = f" {part}" if dice.one() < 0.5 else f": The {dice.pick(words.kinds)} {dice.pick(words.things)}"
    title = first + ending if first + ending not in taken else f"{first} {part}"
    taken.add(title)
    return title


def _compose(dice: Dice, main: _Words, other: _Words) -> str:
    kind, thing, second = dice.pick(main.kinds), dice.pick(main.things), dice.pick(other.things)
    name, place = dice.pick(_NAMES), dice.pick(_PLACES)
    hour, season = dice.pick(_HOURS), dice.pick(_SEASONS)
    article = "An" if thing[0] in "AEIOU" else "A"
    patterns = (
        f"The {kind} {thing}",
        f"The {kind} {thing}",
        f"{kind} {second}",
        f"The {thing} of {place}",
        f"{name} and the {thing}",
        f"{thing} at {hour}",
        f"{article} {thing} for {name}",
        f"{place} {second}",
        f"{name}'s {thing}",
        f"The {second} from {place}",
        f"{kind} {season}",
        f"{place}, {season}",
    )
    return dice.pick(patterns)
