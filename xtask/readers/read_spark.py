"""Reads the Parquet tables of a log through Spark's protocol, and compares them with what `tlog cat` prints.

The engine is Sail, which needs no JVM. It differs from Spark, and so do the files that it gets:

- Spark does not look at the Arrow schema that Arrow's own Parquet writers leave in a file. Sail does, and then knows no
  dictionaries. So that schema is made unreadable first; the data stays as it is.
- It takes unsigned integers for signed ones of the same width. The schema is given, then, as Spark would infer it.
- It cannot return lists and maps of nulls: such columns are left out, and counted.

Argument: the folder that `read_types.py` gets.
"""

import json
import os
import pathlib
import sys

import pyarrow.parquet
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession, functions
from pyspark.sql import types as spark_types

from canonical import kind, labels, optional
from read_types import compare, expected

SCALARS = {
    "null": spark_types.NullType(),
    "boolean": spark_types.BooleanType(),
    "varint": spark_types.LongType(),
    "varuint": spark_types.DecimalType(20, 0),
    "float32": spark_types.FloatType(),
    "float64": spark_types.DoubleType(),
    "bytes": spark_types.BinaryType(),
    "string": spark_types.StringType(),
    "enum": spark_types.StringType(),
    "timestamp": spark_types.TimestampType(),
    "duration": spark_types.LongType(),
    "fixedint8": spark_types.ByteType(),
    "fixedint16": spark_types.ShortType(),
    "fixedint32": spark_types.IntegerType(),
    "fixedint64": spark_types.LongType(),
    "fixeduint8": spark_types.ShortType(),
    "fixeduint16": spark_types.IntegerType(),
    "fixeduint32": spark_types.LongType(),
    "fixeduint64": spark_types.DecimalType(20, 0),
}


def spark_type(schema):
    """What Spark makes of a column."""
    some = optional(schema)
    if some is not None:
        return spark_type(some)
    name, body = kind(schema)
    if name in SCALARS:
        return SCALARS[name]
    if name in ("array", "fixedarray"):
        return spark_types.ArrayType(spark_type(body["items"]))
    if name == "map":
        return spark_types.MapType(spark_types.StringType(), spark_type(body["values"]))
    if name == "union":
        members = [(label, member) for label, member in zip(labels(body["types"]), body["types"]) if kind(member)[0] != "null"]
        fields = [("tag", spark_types.StringType())] + [(label, spark_type(member)) for label, member in members]
    elif not body["fields"]:
        return spark_types.BooleanType()
    else:
        fields = [(field["name"], spark_type(field["type"])) for field in body["fields"]]
    return spark_types.StructType([spark_types.StructField(name, ty) for name, ty in fields])


def has_list_of_nulls(ty, in_list=False):
    match ty:
        case spark_types.NullType():
            return in_list
        case spark_types.ArrayType():
            return has_list_of_nulls(ty.elementType, True)
        case spark_types.MapType():
            return has_list_of_nulls(ty.valueType, True)
        case spark_types.StructType():
            return any(has_list_of_nulls(field.dataType, in_list) for field in ty.fields)
    return False


def without_arrow_schema(path, folder):
    """The same file, the Arrow schema in its footer under a name that nobody knows."""
    copy = folder / path.name
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    assert whole.count(b"ARROW:schema", footer) == 1, "there should be an Arrow schema"
    copy.write_bytes(whole[:footer] + whole[footer:].replace(b"ARROW:schema", b"arrow_schema"))
    return copy


def check(spark, schema, instances, path):
    """Compares a table; how many columns had to be left out."""
    names = pyarrow.parquet.read_schema(path).names
    is_object = kind(schema)[0] == "object" and schema["fields"]
    of = schema["fields"] if is_object else [{"name": "value", "type": schema}]
    fields = [spark_types.StructField(names[0], spark_types.TimestampType())]
    fields += [spark_types.StructField(name, spark_type(field["type"])) for name, field in zip(names[1:], of)]
    table = spark.read.schema(spark_types.StructType(fields)).parquet(str(path))
    assert table.count() == len(instances), f"{table.count()} rows"
    rows = [[pair[1] for pair in data] if is_object else [data] for _, data in instances]
    check_sums(table, names[1:], of, rows)
    readable = [not has_list_of_nulls(field.dataType) for field in fields]
    if not is_object:
        if readable[1]:
            compare(schema, instances, table.toArrow())
        return readable.count(False)
    fewer = {**schema, "fields": [field for field, can in zip(of, readable[1:]) if can]}
    data = [(time, [pair for pair, can in zip(pairs, readable[1:]) if can]) for time, pairs in instances]
    columns = [functions.col(f"`{name}`") for name, can in zip(names, readable) if can]
    compare(fewer, data, table.select(*columns).toArrow())
    return readable.count(False)


def check_sums(table, names, fields, rows):
    """Sums of integers are added up over there."""
    for at, (name, field) in enumerate(zip(names, fields)):
        if field["type"] in ("fixedint32", "fixeduint32", "fixeduint8"):
            total = table.agg(functions.sum(f"`{name}`")).collect()[0][0]
            wanted = sum(row[at] for row in rows) if rows else None
            assert total == wanted, f"the sum of {name} is {total} instead of {wanted}"


def main():
    folder = pathlib.Path(sys.argv[1])
    copies = folder / "spark"
    copies.mkdir()
    server = SparkConnectServer()
    server.start(background=True)
    _, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://localhost:{port}").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    schemas = json.loads((folder / "schemas.json").read_text(encoding="utf-8"))
    instances = expected(folder)
    passed = failed = left_out = 0
    for record, schema in schemas.items():
        try:
            path = without_arrow_schema(folder / "nested" / f"{record}.parquet", copies)
            left_out += check(spark, schema, instances.get(record, []), path)
            passed += 1
        except Exception as e:
            failed += 1
            print(f"   spark: {record}: {type(e).__name__} {str(e)[:500]}")
    print(f"   {left_out} columns with lists of nulls left out")
    print(f"{passed} passed, {failed} failed", flush=True)
    # The server would keep the process.
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
