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


def of_union(members, value):
    tag, *columns = value
    columns = iter(columns)
    chosen = None
    for label, member in zip(labels(members), members):
        column = None if kind(member)[0] == "null" else next(columns)
        if label == tag:
            chosen = label, of_columns(member, column)
        else:
            assert column is None, f"the union is {tag}, and {label} is {column!r}"
    assert chosen, f"no member is called {tag!r}"
    return chosen
