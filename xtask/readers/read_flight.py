"""Checks what a real flight was converted to against what an independent decoder of the original file found.

Arguments: the folder with `flight` (flattened Parquet), `flight_arrow` and `lake` (Hive partitions), and the
expectation: for each record its count, and for each column sum, least, greatest and how many are not finite.
"""

import functools
import json
import math
import pathlib
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.ipc

FINITE = "filter (where isfinite({0}))"


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def close(ours, theirs):
    """Sums of floats depend on the order of adding."""
    return ours == theirs or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


def check_duckdb(connection, path, wanted):
    """One record's table against its expectation."""
    [(count,)] = connection.execute(f"select count(*) from read_parquet('{path}')").fetchall()
    assert count == wanted["count"], f"{count} rows instead of {wanted['count']}"
    for name, column in wanted["columns"].items():
        wanted_facts = ", ".join(facts(quoted(name), column))
        found = connection.execute(f"select {wanted_facts} from read_parquet('{path}')").fetchone()
        for (fact, value), theirs in zip(sorted(column.items()), found):
            assert close(value, theirs), f"{name}: {fact} is {theirs} instead of {value}"


def facts(name, column):
    """SQL for what is expected of a column, in the order of the facts' names."""
    value = f"{name}::double" if "nonfinite" in column else name
    finite = FINITE.format(value) if "nonfinite" in column else ""
    sql = {
        "first": f"epoch_us(first({name}))",
        "last": f"epoch_us(last({name}))",
        "max": f"coalesce(max({value}) {finite}, 0)" if finite else f"max({value})",
        "min": f"coalesce(min({value}) {finite}, 0)" if finite else f"min({value})",
        "nonfinite": f"count(*) filter (where not isfinite({value}))",
        "sum": f"coalesce(sum({value}) {finite}, 0)" if finite else f"sum({value})",
    }
    return [sql[fact] for fact in sorted(column)]


def check_arrow(path, wanted):
    for table in (pa.ipc.open_file(path).read_all(), polars.read_ipc(path).to_arrow()):
        assert table.num_rows == wanted["count"], f"{table.num_rows} rows instead of {wanted['count']}"
        for name, column in wanted["columns"].items():
            if "first" in column:
                times = table.column(name).cast(pa.int64())
                assert [times[0].as_py(), times[-1].as_py()] == [column["first"], column["last"]], name


def check_lake(lake, expectation):
    """Hive partitions: the record, the robot and the day are columns."""
    tables = f"read_parquet('{lake}/**/*.parquet', hive_partitioning = true, union_by_name = true)"
    by_record = f"select record, robot, day::varchar, count(*) from {tables} group by all"
    found = {row[0]: row[1:] for row in duckdb.execute(by_record).fetchall()}
    for record, wanted in expectation.items():
        robot, day, count = found[record]
        assert (robot, day, count) == ("r7", "2019-02-11", wanted["count"]), f"{record}: {found[record]}"
        table = polars.scan_parquet(f"{lake}/record={record}/**/*.parquet", hive_partitioning=True)
        counts = table.group_by("robot", "day").len().collect()
        assert counts["len"].to_list() == [wanted["count"]], f"{record}: {counts}"
        assert counts["robot"].to_list() == ["r7"] and str(counts["day"][0]) == "2019-02-11", f"{record}: {counts}"
    assert len(found) == len(expectation), f"there are {list(found)}"


def main():
    folder, expect = map(pathlib.Path, sys.argv[1:])
    expectation = json.loads(expect.read_text())
    connection = duckdb.connect()
    checks = [("lake", lambda: check_lake(folder / "lake", expectation))]
    for record, wanted in expectation.items():
        parquet, arrow = folder / "flight" / f"{record}.parquet", folder / "flight_arrow" / f"{record}.arrow"
        checks.append((f"parquet {record}", functools.partial(check_duckdb, connection, parquet, wanted)))
        checks.append((f"arrow {record}", functools.partial(check_arrow, arrow, wanted)))
    failed = 0
    for name, check in checks:
        try:
            check()
        except Exception as e:
            failed += 1
            print(f"   flight: {name}: {type(e).__name__} {str(e)[:500]}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
