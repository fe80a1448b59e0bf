"""Times the path that one would take without `tlog convert`: NDJSON, which DuckDB or pandas loads and writes as Parquet.

Arguments: the command `tlog` (a release build), and a log (`cargo xtask generate --bench big.tlog`).

    PYTHONPATH=target/readers/packages python3 xtask/readers/rival.py target/release/tlog big.tlog

Each path starts with the log and ends with Parquet on the disk. The answers are checked: how many rows there are, and the
sum of every column of numbers that all have. Not part of the tests: it takes minutes.
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time

import duckdb


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def records(tlog, log):
    info = subprocess.run([tlog, "info", "--format", "json", log], check=True, capture_output=True).stdout
    return [record["name"] for record in json.loads(info)["logs"][0]["records"]]


def by_tlog(tlog, log, folder, names, *options):
    run(tlog, "convert", "--quiet", *options, "--parquet", folder / "tables", log)
    return {name: folder / "tables" / f"{name}.parquet" for name in names}


def ndjson(tlog, log, folder, name):
    lines = folder / f"{name}.ndjson"
    with open(lines, "wb") as out:
        run(tlog, "cat", "--format", "ndjson", "--record", name, log, stdout=out)
    return lines


def by_duckdb(tlog, log, folder, names, threads=None):
    """`read_json` guesses the types, as it does for everyone who knows none."""
    tables = {}
    for name in names:
        lines, tables[name] = ndjson(tlog, log, folder, name), folder / f"{name}.parquet"
        connection = duckdb.connect()
        if threads:
            connection.execute(f"set threads = {threads}")
        connection.execute(
            f"copy (select time, unnest(data) from read_json('{lines}', format = 'newline_delimited'))"
            f" to '{tables[name]}' (format parquet, compression zstd, compression_level 1)"
        )
    return tables


def by_pandas(tlog, log, folder, names):
    import pandas

    tables = {}
    for name in names:
        lines, tables[name] = ndjson(tlog, log, folder, name), folder / f"{name}.parquet"
        parts = pandas.read_json(lines, lines=True, chunksize=50_000)
        table = pandas.concat([part[["time"]].join(pandas.DataFrame(part["data"].tolist(), index=part.index)) for part in parts])
        table.to_parquet(tables[name], compression="zstd")
    return tables


def facts(path):
    """How many rows, and the sums of the columns of numbers, in lists too."""
    table = f"read_parquet('{path}')"
    found = {"rows": duckdb.execute(f"select count(*) from {table}").fetchone()[0]}
    for name, kind, *_ in duckdb.execute(f"describe select * from {table}").fetchall():
        column = '"' + name + '"'
        base, _, is_list = kind.partition("[")
        if not (base.endswith("INT") or base in ("INTEGER", "UINTEGER", "FLOAT", "DOUBLE")):
            continue
        sql = f"sum(list_sum({column}::double[]))" if is_list else f"sum({column}::double)"
        found[name] = duckdb.execute(f"select {sql} from {table}").fetchone()[0]
    return found


def same(ours, theirs):
    if len(theirs) < 2:
        raise SystemExit(f"nothing to compare: {theirs}")
    for name, value in theirs.items():
        # Float32 columns are summed here as they are, there as the shortest decimals that mean the same.
        if name in ours and not math.isclose(ours[name], value, rel_tol=1e-6, abs_tol=1e-3):
            raise SystemExit(f"{name} is {value} instead of {ours[name]}")


def main():
    tlog, log = sys.argv[1:]
    paths = [
        ("tlog convert", by_tlog),
        ("tlog convert --jobs 1", lambda *args: by_tlog(*args, "--jobs", "1")),
        ("tlog cat, DuckDB", by_duckdb),
        ("tlog cat, DuckDB, one thread", lambda *args: by_duckdb(*args, threads=1)),
        ("tlog cat, pandas", by_pandas),
    ]
    names, size, answers, first = records(tlog, log), pathlib.Path(log).stat().st_size, None, None
    print(f"{log}: {size / 1e6:.0f} MB, {len(names)} records")
    for what, path in paths:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            tables = path(tlog, log, pathlib.Path(folder), names)
            took = time.perf_counter() - started
            found = {name: facts(table) for name, table in tables.items()}
            written = sum(table.stat().st_size for table in tables.values())
        answers, first = answers or found, first or took
        for name in names:
            same(answers[name], found[name])
        print(f"{what:30} {took:7.2f} s {size / 1e6 / took:7.0f} MB/s {written / 1e6:6.0f} MB {took / first:6.1f}x", flush=True)


if __name__ == "__main__":
    main()
