"""Compares the tables of a log with what `tlog cat` prints of it, as several readers see them.

Arguments: the folder with the tables, `types.ndjson` (what `tlog cat --format ndjson` prints) and
`schemas.json` (the schema of each record).
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
from canonical import kind, micros, of_columns, of_json


def pyarrow_parquet(path):
    return pa.parquet.read_table(path)


def pyarrow_ipc(path):
    return pa.ipc.open_file(path).read_all()


def duckdb_parquet(path):
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return connection.execute(f"select * from read_parquet('{path}')").to_arrow_table()


def polars_parquet(path):
    return polars.read_parquet(path).to_arrow()


def polars_ipc(path):
    return polars.read_ipc(path).to_arrow()


READERS = {".parquet": [pyarrow_parquet, duckdb_parquet, polars_parquet], ".arrow": [pyarrow_ipc, polars_ipc]}


def expected(folder):
    """The instances of each record: time and value."""
    instances = {}
    with open(folder / "types.ndjson", encoding="utf-8") as lines:
        for line in lines:
            line = dict(json.loads(line, object_pairs_hook=list))
            instances.setdefault(line["record"], []).append((line.get("time"), line["data"]))
    return instances


def compare(schema, instances, table):
    """Raises where table and instances differ."""
    columns = [values(table.column(at)) for at in range(table.num_columns)]
    times = [None if time is None else micros(time) for time, _ in instances]
    assert columns[0] == times, f"the times are {columns[0]}"
    is_object = kind(schema)[0] == "object" and schema["fields"]
    for at, (_, data) in enumerate(instances):
        row = [column[at] for column in columns[1:]]
        ours, theirs = of_json(schema, data), of_columns(schema, row if is_object else row[0])
        if ours != theirs and is_object:
            for field, our, their in zip(schema["fields"], ours, theirs):
                assert our == their, f"instance {at}: {field['name']} is {their!r} instead of {our!r}"
        assert ours == theirs, f"instance {at} is {theirs!r} instead of {ours!r}"


def main():
    folder = pathlib.Path(sys.argv[1])
    tables = pathlib.Path(sys.argv[2])
    schemas = json.loads((folder / "schemas.json").read_text())
    instances = expected(folder)
    failed = passed = 0
    for ending, readers in READERS.items():
        for reader in readers:
            for record, schema in schemas.items():
                try:
                    compare(schema, instances.get(record, []), reader(tables / f"{record}{ending}"))
                    passed += 1
                except BaseException as e:
                    failed += 1
                    print(f"   {reader.__name__}: {record}: {type(e).__name__} {str(e)[:300]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
