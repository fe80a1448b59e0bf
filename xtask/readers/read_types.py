"""Compares the tables of a log with what `tlog cat` prints of it, as several readers see them.

Argument: the folder with `types.ndjson` (what `tlog cat --format ndjson` prints), `schemas.json` (the schema of
each record), and the tables in folders: `nested`, `raw` and `flat` in Parquet, `arrow` in Arrow's own format.
"""

import json
import pathlib
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from arrays import values
from canonical import flat_of_columns, flat_of_json, kind, micros, of_columns, of_json, with_raw


def pyarrow_parquet(path):
    return pa.parquet.read_table(path)


def duckdb_parquet(path):
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return connection.sql(f"select * from read_parquet('{path}')").to_arrow_table()


def polars_parquet(path):
    return polars.read_parquet(path).to_arrow()


def pyarrow_ipc(path):
    return pa.ipc.open_file(path).read_all()


def polars_ipc(path):
    return polars.read_ipc(path).to_arrow()


def expected(folder):
    """The instances of each record: time and value."""
    instances = {}
    with open(folder / "types.ndjson", encoding="utf-8") as lines:
        for line in lines:
            # Objects as pairs: fields may have equal names.
            line = dict(json.loads(line, object_pairs_hook=list))
            instances.setdefault(line["record"], []).append((line.get("time"), line["data"]))
    return instances


def check_times(instances, column):
    times = [None if time is None else micros(time) for time, _ in instances]
    assert column == times, f"the times are {column}"


def rows(table):
    """The rows of a table, and its first column, which is that of time."""
    time, *columns = [values(table.column(at)) for at in range(table.num_columns)]
    return time, [[column[at] for column in columns] for at in range(table.num_rows)]


def compare(schema, instances, table):
    """Raises where table and instances differ."""
    time, found = rows(table)
    check_times(instances, time)
    is_object = kind(schema)[0] == "object" and schema["fields"]
    for at, ((_, data), row) in enumerate(zip(instances, found)):
        ours, theirs = of_json(schema, data), of_columns(schema, row if is_object else row[0])
        if ours != theirs and is_object:
            for field, our, their in zip(schema["fields"], ours, theirs):
                assert our == their, f"instance {at}: {field['name']} is {their!r} instead of {our!r}"
        assert ours == theirs, f"instance {at} is {theirs!r} instead of {ours!r}"


def compare_raw(schema, instances, table):
    """As `compare`, with the number beside each enum: the symbol must be that of the number."""
    time, found = rows(table)
    check_times(instances, time)
    for at, ((_, data), row) in enumerate(zip(instances, found)):
        is_object = kind(schema)[0] == "object" and schema["fields"]
        ours, theirs = of_json(schema, data), with_raw(schema, row if is_object else row[0])
        assert ours == theirs, f"instance {at} is {theirs!r} instead of {ours!r}"


def compare_flat(schema, instances, table):
    """As `compare`, of a table without nesting."""
    time, found = rows(table)
    check_times(instances, time)
    for field in table.schema:
        assert not pa.types.is_nested(field.type), f"{field.name} is {field.type}"
    for at, ((_, data), row) in enumerate(zip(instances, found)):
        ours, theirs = flat_of_json(schema, data), flat_of_columns(schema, row)
        for name, our, their in zip(table.schema.names[1:], ours, theirs, strict=True):
            assert our == their, f"instance {at}: {name} is {their!r} instead of {our!r}"


READS = [
    ("nested", "parquet", compare, [pyarrow_parquet, duckdb_parquet, polars_parquet]),
    ("flat", "parquet", compare_flat, [pyarrow_parquet, duckdb_parquet, polars_parquet]),
    ("raw", "parquet", compare_raw, [pyarrow_parquet]),
    ("arrow", "arrow", compare, [pyarrow_ipc, polars_ipc]),
]


def main():
    folder = pathlib.Path(sys.argv[1])
    schemas = json.loads((folder / "schemas.json").read_text(encoding="utf-8"))
    instances = expected(folder)
    failed = passed = 0
    for kind_of_tables, ending, how, readers in READS:
        for reader in readers:
            for record, schema in schemas.items():
                try:
                    how(schema, instances.get(record, []), reader(folder / kind_of_tables / f"{record}.{ending}"))
                    passed += 1
                except (Exception, polars.exceptions.PanicException) as e:
                    failed += 1
                    print(f"   {reader.__name__}: {kind_of_tables} {record}: {type(e).__name__} {str(e)[:500]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
