"""One form for values, whichever reader they come from, so that `==` compares them.

| type | form |
|---|---|
| null, boolean, integers, duration | None, bool, int |
| float32, float64 | its bits; all NaNs are one |
| bytes, string, enum | bytes, str, str |
| timestamp | microseconds since the epoch |
| object | a tuple of the fields; True when it has none |
| array, fixedarray | a list |
| map | a dict |
| optional | None, or the value |
| union | (label, value) |

`of_json` makes it of the data JSON of tlog, `of_columns` of what a reader found in the columns, in the generic form of
`arrays.py`: structs as lists of their fields, maps as lists of pairs, timestamps as microseconds.
"""

import base64
import datetime
import json
import math
import struct

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)
ERA = datetime.timedelta(days=146097)


def kind(schema):
    """The type's name and its description, whichever form the schema JSON has."""
    if isinstance(schema, str):
        return schema, {}
    if isinstance(schema, list):
        return "union", {"types": schema}
    return schema["type"], schema


def labels(members):
    """What names each member of a union."""
    names = [kind(member)[0] for member in members]
    return [f"{name}#{at}" if names.count(name) > 1 else name for at, name in enumerate(names)]


def optional(schema):
    """The type of the value that may be missing; None for other types."""
    name, body = kind(schema)
    if name == "union" and len(body["types"]) == 2:
        first, second = (kind(member)[0] for member in body["types"])
        if first == "null" and second not in ("null", "union"):
            return body["types"][1]
    return None


def float_bits(value, width):
    value = float({"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(value, value))
    return "NaN" if math.isnan(value) else struct.pack("<f" if width == 32 else "<d", value)


def micros(value):
    """A point in time in microseconds: RFC 3339, or already a number."""
    if isinstance(value, int):
        return value
    whole, _, fraction = value.removesuffix("Z").partition(".")
    # Python knows no year 0; 400 years later the calendar is the same.
    later = ERA if whole.startswith("0000") else 0 * ERA
    year = int(whole[:4]) + (400 if later else 0)
    since = datetime.datetime.fromisoformat(f"{year:04}{whole[4:]}+00:00") - EPOCH - later
    return since // MICROSECOND + int(fraction.ljust(6, "0") or 0)


def of_json(schema, value):
    """The form of a value in data JSON."""
    some = optional(schema)
    if some is not None:
        return None if value is None else of_json(some, value)
    name, body = kind(schema)
    match name:
        case "float32" | "float64":
            return float_bits(value, int(name[-2:]))
        case "bytes":
            return base64.b64decode(value, validate=True)
        case "enum":
            return str(value)
        case "timestamp":
            return micros(value)
        case "object":
            # Fields of equal names would not be told apart here: `json.loads` gave pairs.
            return tuple(of_json(field["type"], of) for field, (_, of) in zip(body["fields"], value)) or True
        case "array" | "fixedarray":
            return [of_json(body["items"], item) for item in value]
        case "map":
            return {key: of_json(body["values"], item) for key, item in value}
        case "union":
            [(label, item)] = value
            return label, of_json(body["types"][labels(body["types"]).index(label)], item)
    return value


def of_columns(schema, value):
    """The form of a value in columns."""
    some = optional(schema)
    if some is not None:
        return None if value is None else of_columns(some, value)
    name, body = kind(schema)
    match name:
        case "null":
            assert value is None, f"a null is {value!r}"
        case "float32" | "float64":
            return float_bits(value, int(name[-2:]))
        case "object" if body["fields"]:
            assert len(value) == len(body["fields"]), f"{len(value)} columns for {len(body['fields'])} fields"
            return tuple(of_columns(field["type"], of) for field, of in zip(body["fields"], value))
        case "array" | "fixedarray":
            return [of_columns(body["items"], item) for item in value]
        case "map":
            assert len(dict(value)) == len(value), "a key is there twice"
            return {key: of_columns(body["values"], item) for key, item in value}
        case "union":
            return of_union(body["types"], value)
    return value


def of_union(members, value, of_member=None):
    tag, *columns = value
    columns = iter(columns)
    chosen = None
    for label, member in zip(labels(members), members):
        column = None if kind(member)[0] == "null" else next(columns)
        if label == tag:
            chosen = label, (of_member or of_columns)(member, column)
        else:
            assert column is None, f"the union is {tag}, and {label} is {column!r}"
    assert chosen, f"no member is called {tag!r}"
    return chosen


def raw_type(schema):
    """The type of the column with an enum's number; None where there is none."""
    some = optional(schema)
    if some is not None:
        raw = raw_type(some)
        return raw and {"type": "union", "types": ["null", raw]}
    name, body = kind(schema)
    if name == "enum":
        return body["underlying"]
    if name in ("array", "fixedarray"):
        raw = raw_type(body["items"])
        return raw and {**body, "items": raw}
    if name == "map":
        raw = raw_type(body["values"])
        return raw and {**body, "values": raw}
    return None


def symbols(schema, raw):
    """What the column of symbols must be, by that of numbers."""
    some = optional(schema)
    if some is not None:
        return None if raw is None else symbols(some, raw)
    name, body = kind(schema)
    if name == "enum":
        return next((symbol["name"] for symbol in body["symbols"] if symbol["value"] == raw), str(raw))
    if name == "map":
        return {key: symbols(body["values"], item) for key, item in raw.items()}
    return [symbols(body["items"], item) for item in raw]


def with_raw(schema, value):
    """As `of_columns`, where each enum has its number beside it, which is checked."""
    some = optional(schema)
    if some is not None:
        return None if value is None else with_raw(some, value)
    name, body = kind(schema)
    match name:
        case "object" if body["fields"]:
            columns, fields = iter(value), []
            for field in body["fields"]:
                fields.append(with_raw(field["type"], next(columns)))
                raw = raw_type(field["type"])
                if raw:
                    number = of_columns(raw, next(columns))
                    symbol = symbols(field["type"], number)
                    assert fields[-1] == symbol, f"{field['name']} is {fields[-1]!r}, but its number {number!r}"
            return tuple(fields)
        case "array" | "fixedarray":
            return [with_raw(body["items"], item) for item in value]
        case "map":
            return {key: with_raw(body["values"], item) for key, item in value}
        case "union":
            return of_union(body["types"], value, with_raw)
    return of_columns(schema, value)


def leaves(schema):
    """The columns of a table without nesting: how to reach each in an instance, and its type. That of an enum's number
    is nowhere in the instance: None."""
    some = optional(schema)
    name, body = kind(schema)
    if some is not None:
        yield from leaves(some)
    elif name == "object" and body["fields"]:
        for at, field in enumerate(body["fields"]):
            # What is in an object is the second of a pair.
            yield from behind((at, 1), leaves(field["type"]))
            if raw_type(field["type"]):
                yield from ((None, ty) for _, ty in leaves(raw_type(field["type"])))
    elif name == "fixedarray" and 0 < body["size"] <= 1 << 16:
        for at in range(body["size"]):
            yield from behind((at,), leaves(body["items"]))
    else:
        yield (), schema


def behind(steps, columns):
    return ((None if path is None else (*steps, *path), ty) for path, ty in columns)


IS_JSON = ("array", "fixedarray", "map", "union")


def flat_of_json(schema, data):
    """The cells of an instance in a table without nesting; None for the numbers of enums."""
    cells = []
    for path, ty in leaves(schema):
        value = data if path is not None else None
        for step in path or ():
            value = None if value is None else value[step]
        cells.append(None if value is None else of_json(ty, value))
    return cells


def flat_of_columns(schema, row):
    """The same of a row, in which arrays, maps and unions are JSON."""
    cells = []
    for (path, ty), value in zip(leaves(schema), row, strict=True):
        if path is None or value is None:
            cells.append(None)
        elif kind(ty)[0] in IS_JSON:
            cells.append(of_json(ty, json.loads(value, object_pairs_hook=list)))
        else:
            cells.append(of_columns(ty, value))
    return cells
