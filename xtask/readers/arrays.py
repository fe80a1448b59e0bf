"""Values out of Arrow arrays, without any loss on the way: Python's own datetime ends in the year 9999.

Structs become lists of their fields, maps lists of pairs, timestamps microseconds since the epoch.
"""

import pyarrow as pa

MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def values(array):
    """The values of an array, missing ones as None."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in values(chunk)]
    ty = array.type
    if pa.types.is_null(ty):
        return [None] * len(array)
    if pa.types.is_dictionary(ty):
        return values(array.dictionary_decode())
    if pa.types.is_struct(ty):
        columns = [values(array.field(at)) for at in range(ty.num_fields)]
        return there(array, lambda at: [column[at] for column in columns])
    if pa.types.is_map(ty):
        keys, items = values(array.keys), values(array.items)
        starts = array.offsets.to_pylist()
        return there(array, lambda at: list(zip(keys[starts[at] : starts[at + 1]], items[starts[at] : starts[at + 1]])))
    if pa.types.is_fixed_size_list(ty):
        items, size = values(array.values), ty.list_size
        return there(array, lambda at: items[(array.offset + at) * size : (array.offset + at + 1) * size])
    if pa.types.is_list(ty) or pa.types.is_large_list(ty):
        items, starts = values(array.values), array.offsets.to_pylist()
        return there(array, lambda at: items[starts[at] : starts[at + 1]])
    if pa.types.is_timestamp(ty):
        scale = MICROSECONDS[ty.unit]
        return [value if value is None else value * scale for value in array.view(pa.int64()).to_pylist()]
    return array.to_pylist()


def there(array, value):
    valid = array.is_valid().to_pylist()
    return [value(at) if valid[at] else None for at in range(len(array))]
