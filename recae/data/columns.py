"""Which column is the user, the item, the rating, the weight and the time."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from recae.data.interactions import ValueKind
from recae.errors import DataError

MOST_COLUMNS = 10_000
"""Of logs, lists and catalogues; every column takes memory and time, however short the file."""
HEADERLESS_NAMES = ("user_id", "item_id", "rating", "timestamp")
"""What the first four columns of a file without a header are, in this order."""

# Names are compared without case, spaces and punctuation. An earlier group beats a later one; two columns
# of the same group are a question for the caller.
_USUAL: dict[str, tuple[frozenset[str], ...]] = {
    "user": (
        frozenset({"userid", "uid", "useridx"}),
        frozenset({"user", "member", "memberid", "customer", "customerid", "reviewerid", "visitorid", "accountid"}),
        frozenset({"username", "usr", "userindex", "cid", "profileid", "personid", "reader", "readerid"}),
    ),
    "item": (
        frozenset({"itemid", "iid", "itemidx"}),
        frozenset(
            {"item", "movieid", "productid", "bookid", "isbn", "asin", "trackid", "songid", "articleid", "artistid"}
            | {"venueid", "locationid", "businessid", "gameid", "jobid", "newsid", "docid", "sku", "goodbooksid"}
        ),
        frozenset(
            {"movie", "product", "book", "track", "song", "artist", "article", "parentasin", "document", "business"}
            | {"game", "venue", "show", "showid", "anime", "animeid", "recipeid", "itemindex", "sid"}
        ),
    ),
    "rating": (
        frozenset({"rating", "ratings", "score", "stars", "bookrating", "overall", "userrating"}),
    ),
    "weight": (
        frozenset({"weight", "count", "plays", "playcount", "quantity", "qty", "freq", "frequency", "listens"}),
    ),
    "time": (
        frozenset({"timestamp", "unixreviewtime", "unixtime", "unixtimestamp"}),
        frozenset({"datetime", "time", "ts", "createdat", "eventtime", "ratedat"}),
        frozenset({"date", "day", "dateadded", "reviewdate"}),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ColumnChoice:
    """Columns that the caller names; what is None is found by its usual name."""

    user: str | None = None
    item: str | None = None
    rating: str | None = None
    weight: str | None = None
    time: str | None = None


USUAL_NAMES = ColumnChoice()
"""Find every column by its usual name."""


@dataclass(frozen=True)
class Roles:
    """The column that plays each role in one source."""

    user: str
    item: str
    value: str | None = None
    value_kind: ValueKind | None = None
    time: str | None = None

    def names(self) -> list[str]:
        """The columns to read, each once."""
        return list(dict.fromkeys(name for name in (self.user, self.item, self.value, self.time) if name is not None))

    def shape(self) -> tuple[bool, ValueKind | None]:
        """What sources must have in common to be joined: a time, and a rating or weight."""
        return self.time is not None, self.value_kind


def find_roles(names: Sequence[str], choice: ColumnChoice, where: str, *, header: bool | None = None) -> Roles:
    """Say which of `names` is what; columns that `choice` names win over usual names.

    `header` tells of a text file whether it has one: without a header the columns are called "1", "2", ... and are
    user, item, rating and timestamp in this order.

    Raises:
        DataError: a named column is not there, a needed one is not found, or two are equally likely.
    """
    if header is False:
        choice = _by_position(names, choice)
    found = {role.name: _find(role.name, names, choice, where, header is not False) for role in fields(choice)}
    if choice.rating is None and choice.weight is not None:
        found["rating"] = None
    elif choice.weight is None and choice.rating is not None:
        found["weight"] = None
    if found["rating"] is not None and found["weight"] is not None:
        rating, weight = quoted(found["rating"]), quoted(found["weight"])
        raise DataError(
            f"{where} has a rating column {rating} and a weight column {weight}: "
            "say which one counts with --rating-col or --weight-col."
        )
    for role in ("user", "item"):
        if found[role] is None:
            raise _not_found(role, names, where, header)
    user, item = str(found["user"]), str(found["item"])
    _refuse_two_roles(found, where)
    kind: ValueKind | None = "rating" if found["rating"] is not None else "weight" if found["weight"] else None
    return Roles(user, item, found["rating"] or found["weight"], kind, found["time"])


def named_column(name: str, names: Sequence[str], where: str) -> str:
    """`name` itself if it is one of `names`.

    Raises:
        DataError: it is not; the sentence lists the columns and the nearest one.
    """
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1) or difflib.get_close_matches(
        plain(name), [plain(known) for known in names], n=1
    )
    hint = next((f" Did you mean {quoted(known)}?" for known in names if near and plain(known) == plain(near[0])), "")
    raise DataError(f"{where} has no column {quoted(name)}; it has {listed(names)}.{hint}")


def usual_column(role: str, names: Sequence[str], where: str) -> str | None:
    """The column that by its name is the `role` ("user", "item", ...), None if there is none.

    Raises:
        DataError: two columns are equally likely.
    """
    for group in _USUAL[role]:
        hits = [name for name in names if plain(name) in group]
        if len(hits) > 1:
            raise DataError(f"{where}: {listed(hits)} could each be the {role} column; say which with --{role}-col.")
        if hits:
            return hits[0]
    return None


def is_usual(name: str) -> bool:
    """Whether a column of this name would be found without being named."""
    return any(plain(name) in group for groups in _USUAL.values() for group in groups)


def plain(name: str) -> str:
    """`name` as it is compared: without case, punctuation and a ":type" at its end."""
    return re.sub(r"[\W_]+", "", name.strip().split(":")[0]).lower()


def listed(names: Sequence[str]) -> str:
    """The column names in quotes, at most twelve of them."""
    shown = ", ".join(quoted(name) for name in names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown


def quoted(text: str) -> str:
    """A name or value in double quotes on one line, cut after 60 characters."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text[:61])
    return f'"{line[:60]}..."' if len(line) > 60 else f'"{line}"'


def refuse_names(names: Sequence[str], where: str) -> None:
    """Raise a DataError if two columns have the same name, or there are more than anything that is read here has."""
    refuse_many(len(names), where)
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise DataError(f"{where} has more than one column named {listed(repeated)}; rename or remove one.")


def refuse_many(columns: int, where: str) -> None:
    """Raise a DataError if there are more columns than anything that is read here has."""
    if columns > MOST_COLUMNS:
        raise DataError(f"{where} has {columns:,} columns; at most {MOST_COLUMNS:,} can be read: leave some out.")


def _refuse_two_roles(found: dict[str, str | None], where: str) -> None:
    roles: dict[str, str] = {}
    for role, name in found.items():
        if name is not None and name in roles:
            raise DataError(
                f"{where}: {quoted(name)} cannot be the {roles[name]} and the {role} column at once; name both."
            )
        if name is not None:
            roles[name] = role


def _find(role: str, names: Sequence[str], choice: ColumnChoice, where: str, header: bool) -> str | None:
    chosen: str | None = getattr(choice, role)
    if chosen is not None:
        return named_column(chosen, names, where)
    taken = {getattr(choice, other.name) for other in fields(choice)}
    return usual_column(role, [name for name in names if name not in taken], where) if header else None


def _by_position(names: Sequence[str], choice: ColumnChoice) -> ColumnChoice:
    chosen = [choice.user, choice.item, choice.rating, choice.weight, choice.time]
    if any(name is not None for name in chosen):
        free = [name for name in names if name not in chosen]
        user = choice.user or (free.pop(0) if free else None)
        return ColumnChoice(
            user, choice.item or (free.pop(0) if free else None), choice.rating, choice.weight, choice.time
        )
    first_four = [*names[:4], *[None] * 4][:4]
    return ColumnChoice(user=first_four[0], item=first_four[1], rating=first_four[2], time=first_four[3])


def _not_found(role: str, names: Sequence[str], where: str, header: bool | None) -> DataError:
    if not names:
        return DataError(f"{where} has no columns.")
    if len(names) == 1:
        hint = " If the columns are separated by an unusual character, name it with --delimiter."
        needed = f"{where} has only one column, {listed(names)}; a user and an item column are needed."
        return DataError(needed if header is None else needed + hint)
    hint = " If the first line is data and not a header, say so with --no-header." if header else ""
    return DataError(f"{where}: no {role} column was found among {listed(names)}; name it with --{role}-col.{hint}")
