"""Compares our logs with what mjbots' own Python reader makes of them.

    check_moteus.py MOTEUS_WHEEL (LOG NDJSON)...

`cargo xtask moteus` writes the NDJSON files, one per log. A line is either a declaration,
{"record": name, "schema_hex": bytes, "schema": our schema JSON}, or an instance,
{"record": name, "payload_hex": bytes, "data": our data JSON}.

The reader inside the wheel gets the bytes; what it returns must mean the same as our JSON,
schemas included. The wheel has nothing that reads files: the blocks of the log are walked here, with its
stream, so that what we say is in a log is what others find there. Records that it cannot read at all, by its own limits, are counted apart.
"""

import base64
import datetime
import io
import json
import keyword
import math
import struct
import sys
import types
import zipfile

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)
ERA = datetime.timedelta(days=146097)
PRIMITIVES = {
    "null": "NullType",
    "boolean": "BooleanType",
    "varint": "VarintType",
    "varuint": "VaruintType",
    "float32": "Float32Type",
    "float64": "Float64Type",
    "bytes": "BytesType",
    "string": "StringType",
    "timestamp": "TimestampType",
    "duration": "DurationType",
}


class Difference(Exception):
    """The two sides disagree."""


def expect(condition, path, *what):
    if not condition:
        raise Difference(f"{path or 'root'}: {' '.join(map(str, what))}")


def load_reader(wheel):
    """The module moteus.reader alone: the package around it would want hardware."""
    with zipfile.ZipFile(wheel) as archive:
        source = archive.read("moteus/reader.py")
    module = types.ModuleType("moteus_reader")
    exec(compile(source, "moteus/reader.py", "exec"), module.__dict__)
    return module


def kind(schema):
    """The type's name and its description, whichever form the schema JSON has."""
    if isinstance(schema, str):
        return schema, {}
    if isinstance(schema, list):
        return "union", {"types": schema}
    return schema["type"], schema


def children(schema):
    name, body = kind(schema)
    if name == "object":
        return [field["type"] for field in body["fields"]]
    if name == "union":
        return body["types"]
    return [body[key] for key in ("items", "values", "underlying") if key in body]


def beyond_the_reader(schema):
    """Why the reader cannot read data of this type, if it cannot."""
    name, body = kind(schema)
    if name == "varint":
        return "it does not implement varint"
    if name == "object":
        names = [field["name"] for field in body["fields"]]
        if "version" in body:
            return "it does not know object versions"
        if len(set(names)) != len(names) or not all(n.isidentifier() and n[0] != "_" for n in names):
            return "it needs field names that are unique identifiers"
    return next(filter(None, map(beyond_the_reader, children(schema))), None)


def same_schema(ours, theirs, path):
    """Whether our schema JSON describes the reader's type."""
    name, body = kind(ours)
    their_name = type(theirs).__name__
    if name in PRIMITIVES:
        expect(their_name == PRIMITIVES[name], path, name, "is", their_name)
    elif name.startswith("fixed") and name != "fixedarray":
        expect(their_name == ("FixedUIntType" if "uint" in name else "FixedIntType"), path, name, "is", their_name)
        expect(name.endswith(f"int{8 * theirs.field_size}"), path, name, "has", theirs.field_size, "bytes")
    else:
        expect(their_name.lower() == name + "type", path, name, "is", their_name)
        SCHEMA_CHECKS[name](body, theirs, path)


def same_object(body, theirs, path):
    expect([f["name"] for f in body["fields"]] == [f.name for f in theirs.fields], path, "field names differ")
    for ours, field in zip(body["fields"], theirs.fields):
        where = f"{path}.{ours['name']}"
        expect(ours.get("aliases", []) == field.aliases, where, "aliases differ")
        expect(ours.get("flags", 0) == field.flags, where, "flags differ")
        same_schema(ours["type"], field.type_class, where)
        if "default" in ours:
            same_value(ours["type"], ours["default"], field.default_value, where + " (default)")
        elif "default_base64" not in ours:
            expect(field.default_value is None, where, "has the default", field.default_value)


def same_enum(body, theirs, path):
    same_schema(body["underlying"], theirs.type_class, path)
    first = {}
    for symbol in body["symbols"]:
        first.setdefault(symbol["value"], symbol["name"])
    members = {member.value: member.name for member in theirs.enum_class}
    expect(members == (first or {-1: "_"}), path, "symbols differ:", members)


def same_fixedarray(body, theirs, path):
    expect(body["size"] == theirs.size, path, "size differs")
    same_schema(body["items"], theirs.type_class, path + "[]")


def same_union(body, theirs, path):
    expect(len(body["types"]) == len(theirs.items), path, "members differ")
    for ours, item in zip(body["types"], theirs.items):
        same_schema(ours, item, path + "|")


SCHEMA_CHECKS = {
    "object": same_object,
    "enum": same_enum,
    "array": lambda body, theirs, path: same_schema(body["items"], theirs.type_class, path + "[]"),
    "fixedarray": same_fixedarray,
    "map": lambda body, theirs, path: same_schema(body["values"], theirs.type_class, path + "{}"),
    "union": same_union,
}


def float_bits(value, width):
    """A number as the bits of a float of that width; all NaNs are one."""
    value = float({"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(value, value))
    return "NaN" if math.isnan(value) else struct.pack("<f" if width == 32 else "<d", value)


def micros(value):
    """A point in time of ours in microseconds."""
    if isinstance(value, int):
        return value
    whole, _, fraction = value.removesuffix("Z").partition(".")
    # Python knows no year 0; 400 years later the calendar is the same.
    later = ERA if whole.startswith("0000") else 0 * ERA
    year = int(whole[:4]) + (400 if later else 0)
    since = datetime.datetime.fromisoformat(f"{year:04}{whole[4:]}+00:00") - EPOCH - later
    return since // MICROSECOND + int(fraction.ljust(6, "0") or 0)


def same_value(schema, ours, theirs, path):
    """Whether our data JSON and the reader's value mean the same."""
    name, body = kind(schema)
    if name in VALUE_CHECKS:
        VALUE_CHECKS[name](body, ours, theirs, path)
    elif name in ("float32", "float64"):
        width = int(name[-2:])
        expect(float_bits(ours, width) == float_bits(theirs, width), path, ours, "is", theirs)
    elif name == "bytes":
        expect(base64.b64decode(ours, validate=True) == theirs, path, ours, "is", theirs)
    elif name in ("timestamp", "duration"):
        # The reader divides; the same division of the same integer gives the same float.
        expect(micros(ours) / 1000000.0 == theirs, path, ours, "is", theirs)
    else:
        expect(type(ours) is type(theirs) and ours == theirs, path, repr(ours), "is", repr(theirs))


def same_object_value(body, ours, theirs, path):
    names = [field["name"] for field in body["fields"]]
    expect(list(ours) == names, path, "our fields are", list(ours))
    escaped = ["py_" + name if keyword.iskeyword(name) else name for name in names]
    expect(list(theirs._fields) == escaped, path, "its fields are", theirs._fields)
    for field, value in zip(body["fields"], theirs):
        same_value(field["type"], ours[field["name"]], value, f"{path}.{field['name']}")


def same_enum_value(body, ours, theirs, path):
    expect(ours == theirs.name or ours == theirs.value, path, ours, "is", repr(theirs))


def same_items(body, ours, theirs, path):
    expect(len(ours) == len(theirs), path, len(ours), "items are", len(theirs))
    for at, (our_item, item) in enumerate(zip(ours, theirs)):
        same_value(body["items"], our_item, item, f"{path}[{at}]")


def same_map_value(body, ours, theirs, path):
    expect(sorted(ours) == sorted(theirs), path, "keys differ:", sorted(ours), sorted(theirs))
    for key, value in ours.items():
        same_value(body["values"], value, theirs[key], f"{path}[{key!r}]")


def same_union_value(body, ours, theirs, path):
    members = body["types"]
    names = [kind(member)[0] for member in members]
    if len(members) == 2 and names[0] == "null" and names[1] not in ("null", "union"):
        same_value(members[1 if ours is not None else 0], ours, theirs, path)
        return
    [(key, value)] = ours.items()
    name, _, at = key.partition("#")
    index = int(at) if at else names.index(name)
    expect(names[index] == name, path, "no member is called", key)
    same_value(members[index], value, theirs, f"{path}|{key}")


VALUE_CHECKS = {
    "object": same_object_value,
    "enum": same_enum_value,
    "array": same_items,
    "fixedarray": same_items,
    "map": same_map_value,
    "union": same_union_value,
}


def read_all(reader, ty, payload):
    """The reader's value, which must take every byte."""
    stream = io.BytesIO(payload)
    value = ty.read(reader.Stream(stream))
    expect(not stream.read(1), "", "the reader leaves bytes over")
    return value


def walk(reader, log):
    """Each instance in the log: its record's name, and its payload where that is not compressed."""
    names = {}
    with open(log, "rb") as file:
        expect(file.read(9) == b"TLOG0003\0", "", "it does not start as a log")
        outer = reader.Stream(file)
        while True:
            try:
                kind, size = outer.read_varuint(), outer.read_varuint()
            except EOFError:
                return
            body = file.read(size)
            expect(len(body) == size, "", "it is cut off inside a block")
            rest = io.BytesIO(body)
            stream = reader.Stream(rest)
            # Schemas, data, and what says nothing of data: index, filler, seek markers.
            expect(1 <= kind <= 5, "", "there is a block of type", kind)
            if kind > 2:
                continue
            identifier, flags = stream.read_varuint(), stream.read_varuint()
            if kind == 1:
                expect(flags == 0, "", "a schema has the flags", flags)
                names[identifier] = stream.read_string()
                continue
            for flag, read in ((1, stream.read_varuint), (2, stream.read_i64), (4, stream.read_u32)):
                if flags & flag:
                    read()
            yield names[identifier], None if flags & 16 else rest.read()


def check_log(reader, log, path):
    """Compares one log: how many instances were equal, and why others could not be read."""
    schemas, equal, unreadable = {}, 0, {}
    found = walk(reader, log)
    with open(path, encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            name = line["record"]
            if "schema" not in line:
                their_name, payload = next(found, ("the end of the log", None))
                expect(their_name == name, "", name, "is", their_name)
                ours = bytes.fromhex(line["payload_hex"])
                expect(payload in (None, ours), name, "has another payload in the log")
            if "schema" in line:
                why = beyond_the_reader(line["schema"])
                if why:
                    unreadable[name] = why
                    continue
                unreadable.pop(name, None)
                ty = reader.Type.from_binary(io.BytesIO(bytes.fromhex(line["schema_hex"])), name=name)
                same_schema(line["schema"], ty, name)
                schemas[name] = (line["schema"], ty)
            elif name not in unreadable:
                schema, ty = schemas[name]
                same_value(schema, line["data"], read_all(reader, ty, bytes.fromhex(line["payload_hex"])), name)
                equal += 1
    expect(next(found, None) is None, "", "there is more in the log")
    return equal, unreadable


def main():
    wheel, *files = sys.argv[1:]
    logs, paths = files[::2], files[1::2]
    reader = load_reader(wheel)
    failed = 0
    for log, path in zip(logs, paths):
        try:
            equal, unreadable = check_log(reader, log, path)
        except Difference as difference:
            print(f"   {path}: {difference}")
            failed += 1
            continue
        print(f"   {path}: {equal} instances equal")
        for name, why in unreadable.items():
            print(f"   {path}: record {name} is beyond the reader: {why}")
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
