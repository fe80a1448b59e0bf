"""Reads MCAP files with MCAP's own reader: every message is there, and is what its schema says.

Arguments: MCAP files, each followed by the JSON of how many messages each topic has.
"""

import collections
import json
import sys

import jsonschema
from mcap.reader import make_reader

# Validating takes longer than everything else: the first messages of a topic, and each so many after them.
ALL_OF_FIRST = 50
THEN_EVERY = 50


def check(path, wanted):
    counts, validators = collections.Counter(), {}
    with open(path, "rb") as stream:
        for schema, channel, message in make_reader(stream, validate_crcs=True).iter_messages(log_time_order=False):
            assert (schema.encoding, channel.message_encoding) == ("jsonschema", "json"), channel.topic
            if schema.id not in validators:
                of = json.loads(schema.data)
                # By the draft that the schema names: they differ in what `$ref` leaves of what stands beside it.
                validator = jsonschema.validators.validator_for(of, default=None)
                validator.check_schema(of)
                validators[schema.id] = validator(of)
            value = json.loads(message.data)
            if counts[channel.topic] < ALL_OF_FIRST or counts[channel.topic] % THEN_EVERY == 0:
                validators[schema.id].validate(value)
            counts[channel.topic] += 1
    assert counts == wanted, f"the messages are {dict(counts)} instead of {wanted}"


def main():
    failed = passed = 0
    for path, wanted in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        try:
            check(path, json.loads(wanted))
            passed += 1
        except Exception as e:
            failed += 1
            print(f"   mcap: {path}: {type(e).__name__} {str(e)[:500]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
