/* Logs plain structs from threads and interrupts of a microcontroller to an SD card, in TLOG0003. C11 or C++17.
 *
 *     struct imu { float accel[3]; float gyro[3]; };
 *     TLOG_RECORD(IMU, 1, "imu", struct imu, accel, gyro);      // what it is: all fields, in their order
 *     TLOG_KINDS(KINDS, IMU);                                   // all records of the firmware
 *     TLOG_RING(ring, 32, 512);                                 // 16 KiB that any context may log to
 *     TLOG_WRITER(writer, KINDS, 16);                           // batches of 16 sectors
 *
 *     TLOG_LOG(&ring, IMU, sample);                             // in any thread or interrupt
 *
 *     tlog_clock(now_us);                                       // first of all
 *     tlog_reader_open(&reader, &ring, TLOG_ALL);
 *     tlog_writer_open(&writer, &card, NULL, &reader, 1);
 *     for (;;) tlog_writer_poll(&writer, now_us_64());          // in one task; never waits for the card
 *
 * Nothing here takes memory from a heap. All memory is static, made by the macros; it is zero before main, and a ring can
 * be logged to from then on.
 *
 * Pointers. Each is null, which is answered by TLOG_ERROR_NULL, or points to what its type says, aligned and alive.
 * Objects must be zero before they are opened (static ones are) and never be copied or moved. Rings may be used by all
 * contexts at once. Any other object belongs to one context at a time; calls in the wrong order, and calls of a writer from
 * an interrupt that came within another such call, are answered by TLOG_ERROR_STATE.
 *
 * Results are of type int: below 0 for what has failed, see the TLOG_ERROR_ and TLOG_STOPPED_ values below.
 */
#ifndef TLOG_FIRMWARE_H
#define TLOG_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <type_traits>
#define TLOG_STATIC_ASSERT_(what, why) static_assert(what, why)
#define TLOG_ALIGNAS_(n) alignas(n)
extern "C" {
#else
#define TLOG_STATIC_ASSERT_(what, why) _Static_assert(what, why)
#define TLOG_ALIGNAS_(n) _Alignas(n)
#endif
#define TLOG_UNUSED_ __attribute__((unused))

/* The bytes of a sector. */
#define TLOG_SECTOR 512

typedef struct tlog_ring_ops {
    bool (*log)(const void *ring, uint16_t id, const void *payload, size_t len);
    void (*others[4])(void);
} tlog_ring_ops;

/* generated: begin */
#define TLOG_MAX_KINDS 32
#define TLOG_MAX_READERS 8
#define TLOG_MAX_FIELDS 32
#define TLOG_OWN_KINDS 3
#if UINTPTR_MAX > 0xffffffff
#define TLOG_RING_ALIGN 128
#define TLOG_RING_EXTRA 640
#define TLOG_RECORDER_EXTRA 704
#define TLOG_READER_WORDS 42
#define TLOG_WRITER_WORDS 72
#define TLOG_PACKETS_WORDS 8
#else
#define TLOG_RING_ALIGN 8
#define TLOG_RING_EXTRA 176
#define TLOG_RECORDER_EXTRA 336
#define TLOG_READER_WORDS 40
#define TLOG_WRITER_WORDS 60
#define TLOG_PACKETS_WORDS 4
#endif

enum {
    TLOG_OK = 0, /* done */
    TLOG_IDLE = 1, /* nothing is to be done until there are records, or time has passed */
    TLOG_BUSY = 2, /* the card is busy: call again */
    TLOG_WORKING = 3, /* there is more to do at once */
    TLOG_ACKNOWLEDGED = 4, /* the card has acknowledged a batch: its records are safe */
    TLOG_CLOSED = 5, /* the log is closed */
    TLOG_ERROR_NULL = -1, /* a pointer is null */
    TLOG_ERROR_STATE = -2, /* not open, open already, or called from within itself */
    TLOG_ERROR_MEMORY = -3, /* a buffer is too small */
    TLOG_ERROR_TAKEN = -4, /* all readers of the ring are taken */
    TLOG_ERROR_NAME = -5, /* the name of a record or of a field is not allowed */
    TLOG_ERROR_DUPLICATE = -6, /* two records, or two fields of one, have the same name */
    TLOG_ERROR_KINDS = -7, /* kinds are not numbered 1, 2, 3 in their order, or are too many */
    TLOG_ERROR_FIELDS = -8, /* the fields of a record do not make up its size */
    TLOG_STOPPED_ABSENT = -16, /* there is no card */
    TLOG_STOPPED_WRITE_PROTECTED = -17, /* the card refuses to be written to */
    TLOG_STOPPED_NOT_PREPARED = -18, /* the card was not prepared by tlog card init */
    TLOG_STOPPED_FULL = -19, /* each file of the card has a log */
    TLOG_STOPPED_FAILING = -20, /* the card fails again and again */
};

/* What the functions of a card return. */
enum {
    TLOG_CARD_OK = 0,
    TLOG_CARD_BUSY = 1,
    TLOG_CARD_ABSENT = -1,
    TLOG_CARD_WRITE_PROTECTED = -2,
    TLOG_CARD_TIMEOUT = -3,
    TLOG_CARD_FAILED = -4,
    TLOG_CARD_OUT_OF_RANGE = -5,
};

/* The rings that there are. */
extern const tlog_ring_ops tlog_ops_shared_16x64_1;
extern const tlog_ring_ops tlog_ops_shared_16x128_1;
extern const tlog_ring_ops tlog_ops_shared_16x256_1;
extern const tlog_ring_ops tlog_ops_shared_16x512_1;
extern const tlog_ring_ops tlog_ops_shared_16x1024_1;
extern const tlog_ring_ops tlog_ops_shared_16x2048_1;
extern const tlog_ring_ops tlog_ops_shared_16x4096_1;
extern const tlog_ring_ops tlog_ops_shared_32x64_1;
extern const tlog_ring_ops tlog_ops_shared_32x128_1;
extern const tlog_ring_ops tlog_ops_shared_32x256_1;
extern const tlog_ring_ops tlog_ops_shared_32x512_1;
extern const tlog_ring_ops tlog_ops_shared_32x1024_1;
extern const tlog_ring_ops tlog_ops_shared_32x2048_1;
extern const tlog_ring_ops tlog_ops_shared_32x4096_1;
extern const tlog_ring_ops tlog_ops_lane_256_1;
extern const tlog_ring_ops tlog_ops_lane_512_1;
extern const tlog_ring_ops tlog_ops_lane_1024_1;
extern const tlog_ring_ops tlog_ops_lane_2048_1;
extern const tlog_ring_ops tlog_ops_lane_4096_1;
extern const tlog_ring_ops tlog_ops_lane_8192_1;
extern const tlog_ring_ops tlog_ops_lane_16384_1;
extern const tlog_ring_ops tlog_ops_lane_32768_1;
extern const tlog_ring_ops tlog_ops_lane_65536_1;
extern const tlog_ring_ops tlog_ops_shared_16x64_2;
extern const tlog_ring_ops tlog_ops_shared_16x128_2;
extern const tlog_ring_ops tlog_ops_shared_16x256_2;
extern const tlog_ring_ops tlog_ops_shared_16x512_2;
extern const tlog_ring_ops tlog_ops_shared_16x1024_2;
extern const tlog_ring_ops tlog_ops_shared_16x2048_2;
extern const tlog_ring_ops tlog_ops_shared_16x4096_2;
extern const tlog_ring_ops tlog_ops_shared_32x64_2;
extern const tlog_ring_ops tlog_ops_shared_32x128_2;
extern const tlog_ring_ops tlog_ops_shared_32x256_2;
extern const tlog_ring_ops tlog_ops_shared_32x512_2;
extern const tlog_ring_ops tlog_ops_shared_32x1024_2;
extern const tlog_ring_ops tlog_ops_shared_32x2048_2;
extern const tlog_ring_ops tlog_ops_shared_32x4096_2;
extern const tlog_ring_ops tlog_ops_lane_256_2;
extern const tlog_ring_ops tlog_ops_lane_512_2;
extern const tlog_ring_ops tlog_ops_lane_1024_2;
extern const tlog_ring_ops tlog_ops_lane_2048_2;
extern const tlog_ring_ops tlog_ops_lane_4096_2;
extern const tlog_ring_ops tlog_ops_lane_8192_2;
extern const tlog_ring_ops tlog_ops_lane_16384_2;
extern const tlog_ring_ops tlog_ops_lane_32768_2;
extern const tlog_ring_ops tlog_ops_lane_65536_2;
extern const tlog_ring_ops tlog_ops_shared_16x64_o;
extern const tlog_ring_ops tlog_ops_shared_16x128_o;
extern const tlog_ring_ops tlog_ops_shared_16x256_o;
extern const tlog_ring_ops tlog_ops_shared_16x512_o;
extern const tlog_ring_ops tlog_ops_shared_16x1024_o;
extern const tlog_ring_ops tlog_ops_shared_16x2048_o;
extern const tlog_ring_ops tlog_ops_shared_16x4096_o;
extern const tlog_ring_ops tlog_ops_shared_32x64_o;
extern const tlog_ring_ops tlog_ops_shared_32x128_o;
extern const tlog_ring_ops tlog_ops_shared_32x256_o;
extern const tlog_ring_ops tlog_ops_shared_32x512_o;
extern const tlog_ring_ops tlog_ops_shared_32x1024_o;
extern const tlog_ring_ops tlog_ops_shared_32x2048_o;
extern const tlog_ring_ops tlog_ops_shared_32x4096_o;
extern const tlog_ring_ops tlog_ops_lane_256_o;
extern const tlog_ring_ops tlog_ops_lane_512_o;
extern const tlog_ring_ops tlog_ops_lane_1024_o;
extern const tlog_ring_ops tlog_ops_lane_2048_o;
extern const tlog_ring_ops tlog_ops_lane_4096_o;
extern const tlog_ring_ops tlog_ops_lane_8192_o;
extern const tlog_ring_ops tlog_ops_lane_16384_o;
extern const tlog_ring_ops tlog_ops_lane_32768_o;
extern const tlog_ring_ops tlog_ops_lane_65536_o;
/* generated: end */

/* ---- Records ------------------------------------------------------------------------------------------------------ */

/* Fields of these types are points in time (UTC) and spans of time, in microseconds. */
typedef struct tlog_timestamp {
    int64_t us;
} tlog_timestamp;
typedef struct tlog_duration {
    int64_t us;
} tlog_duration;

/* What the macros make. */
typedef struct tlog_field {
    const char *name;
    uint16_t count;
    uint8_t name_len;
    uint8_t kind;
} tlog_field;
typedef struct tlog_kind {
    const char *name;
    const tlog_field *fields;
    uint32_t size;
    uint16_t id;
    uint8_t field_count;
    uint8_t name_len;
} tlog_kind;

/* A ring: made by TLOG_RING and its like. */
typedef struct tlog_ring {
    const tlog_ring_ops *ops;
    const void *storage;
} tlog_ring;

/* TLOG_RECORD(IMU, 1, "imu", struct imu, accel, gyro): says what a struct is, at file scope, in a header or a source file.
 *
 * - IMU is what TLOG_LOG and TLOG_KINDS call it. 1 is its number: those of a firmware are 1, 2, 3, … "imu" is its name in the
 *   log: identifiers with dots between them, as in robot.status, but not tlog.…
 * - Then all fields in their order. Their types are found out: bool, integers, float, double, tlog_timestamp,
 *   tlog_duration, enumerations (which the ABI of Arm gives as few bytes as they need), and arrays of one dimension of these.
 * - It does not compile when there is padding in the struct, a field is missing, in a wrong place, or of another type: order
 *   the fields by size, or fill the gap with a field. Names of fields have to match [A-Za-z][A-Za-z0-9_]*, which
 *   tlog_writer_open looks at, too, as names of records.
 */
#define TLOG_RECORD(NAME, ID, TEXT, TYPE, ...) \
    typedef TYPE tlog_record_##NAME; \
    enum { TLOG_ID_##NAME = (ID) }; \
    TLOG_STATIC_ASSERT_((ID) >= 1 && (ID) <= TLOG_MAX_KINDS, #NAME ": its number is not from 1 to TLOG_MAX_KINDS"); \
    TLOG_STATIC_ASSERT_(sizeof(TEXT) > 1 && sizeof(TEXT) <= 256, #NAME ": its name is empty or too long"); \
    TLOG_STATIC_ASSERT_(sizeof(TYPE) <= 65535, #NAME ": it is too large"); \
    TLOG_FIRST_(tlog_record_##NAME, __VA_ARGS__, 0) \
    TLOG_PAIRS_(TLOG_FOLLOWS_, TLOG_LAST_, tlog_record_##NAME, __VA_ARGS__) \
    TLOG_FOR_EACH_(TLOG_TYPE_IS_GOOD_, tlog_record_##NAME, __VA_ARGS__) \
    TLOG_UNUSED_ static const tlog_field tlog_fields_##NAME[] = { \
        TLOG_FOR_EACH_(TLOG_FIELD_, tlog_record_##NAME, __VA_ARGS__)}; \
    TLOG_UNUSED_ static const tlog_kind tlog_kind_##NAME = { \
        TEXT, tlog_fields_##NAME, sizeof(TYPE), (ID), TLOG_COUNT_(__VA_ARGS__), sizeof(TEXT) - 1}; \
    TLOG_UNUSED_ static inline bool tlog_log_##NAME(const tlog_ring *ring, const tlog_record_##NAME *record) { \
        return tlog_log(ring, (ID), record, sizeof(*record)); \
    } \
    TLOG_STATIC_ASSERT_(1, "")

/* TLOG_KINDS(KINDS, IMU, BATTERY): all records of a firmware, in the order of their numbers; at file scope. */
#define TLOG_KINDS(TABLE, ...) \
    enum { TLOG_AT_##TABLE##_ = 0, TLOG_FOR_EACH_(TLOG_KIND_AT_, TABLE, __VA_ARGS__) }; \
    TLOG_FOR_EACH_(TLOG_KIND_IS_AT_, TABLE, __VA_ARGS__) \
    static const tlog_kind *const TABLE[] = {TLOG_FOR_EACH_(TLOG_KIND_, TABLE, __VA_ARGS__)}

/* TLOG_LOG(&ring, IMU, sample): logs the struct. true: it is in the ring; false: it was dropped, and counted. */
#define TLOG_LOG(RING, NAME, RECORD) tlog_log_##NAME((RING), &(RECORD))

/* The same with bytes: `len` of them at `payload`, which have to be what the record `id` is. What is null is dropped. */
static inline bool tlog_log(const tlog_ring *ring, uint16_t id, const void *payload, size_t len) {
    return ring != NULL && ring->ops != NULL && ring->ops->log(ring->storage, id, payload, len);
}

/* The bit of a record among those that a reader wants. */
#define TLOG_BIT(NAME) (UINT64_C(1) << TLOG_ID_##NAME)
#define TLOG_ALL UINT64_MAX

/* ---- Rings -------------------------------------------------------------------------------------------------------- */

/* Makes a ring, at file scope; `extern const tlog_ring name;` makes it known in other files. Names end in 2 for two readers
 * (a card and a live link): a ring drops what is logged while it is full, and keeps space for each of its readers, also for
 * one that nobody takes. Recorders overwrite the oldest instead, for any number of readers.
 *
 * TLOG_RING(name, segments, bytes): any context may log to it. 16 or 32 segments of 64, 128, … 4096 bytes; a payload has at
 *   most bytes - 8.
 * TLOG_LANE(name, bytes): one context only may log to it: cheaper, and all there is on some cores. Two that log at the same
 *   time spoil each other's records. 256, 512, … 65536 bytes; a payload has at most half of them less 8.
 *
 * Sizes are plain numbers or macros that are.
 */
#define TLOG_RING(NAME, SEGMENTS, BYTES) TLOG_SHARED_(NAME, SEGMENTS, BYTES, 1, TLOG_RING_EXTRA)
#define TLOG_RING2(NAME, SEGMENTS, BYTES) TLOG_SHARED_(NAME, SEGMENTS, BYTES, 2, TLOG_RING_EXTRA)
#define TLOG_RECORDER(NAME, SEGMENTS, BYTES) TLOG_SHARED_(NAME, SEGMENTS, BYTES, o, TLOG_RECORDER_EXTRA)
#define TLOG_LANE(NAME, BYTES) TLOG_LANE_(NAME, BYTES, 1, TLOG_RING_EXTRA)
#define TLOG_LANE2(NAME, BYTES) TLOG_LANE_(NAME, BYTES, 2, TLOG_RING_EXTRA)
#define TLOG_LANE_RECORDER(NAME, BYTES) TLOG_LANE_(NAME, BYTES, o, TLOG_RECORDER_EXTRA)

/* Sets the clock of all rings: a function that returns the low 32 bits of the microseconds since boot, called in all
 * contexts that log. It must not run backwards, nor log. Until it is set, times are 0. Null is ignored. */
void tlog_clock(uint32_t (*now_us)(void));

/* How many records of a kind a ring has rejected so far. */
uint32_t tlog_ring_dropped(const tlog_ring *ring, uint16_t id);

/* ---- Readers ------------------------------------------------------------------------------------------------------ */

/* Reads a ring. Zero before it is opened. */
typedef struct tlog_reader {
    TLOG_ALIGNAS_(8) const void *opaque_ops;
    uint64_t opaque[TLOG_READER_WORDS];
} tlog_reader;

typedef struct tlog_head {
    uint16_t id;   /* its number */
    uint16_t len;  /* bytes of its payload */
    uint32_t time; /* low 32 bits of the clock, in microseconds */
} tlog_head;

typedef struct tlog_lost {
    uint32_t dropped;     /* rejected, as the ring was full */
    uint32_t overwritten; /* overwritten before the reader came to them */
    uint32_t high_water;  /* the most bytes that were ever waiting */
} tlog_lost;

/* Takes a reader of a ring, for these records: TLOG_ALL, or TLOG_BIT(IMU) | TLOG_BIT(BATTERY).
 * TLOG_ERROR_STATE: it is open. TLOG_ERROR_TAKEN: all readers of the ring are. */
int tlog_reader_open(tlog_reader *reader, const tlog_ring *ring, uint64_t kinds);

/* Gives it back, once no writer or packets use it. The next one goes on where it was. */
int tlog_reader_close(tlog_reader *reader);

/* Takes the next record, where no writer does: TLOG_OK, TLOG_IDLE when there is none; TLOG_ERROR_MEMORY when it is longer
 * than `room`: it stays, and `head` tells how long it is. */
int tlog_reader_take(tlog_reader *reader, tlog_head *head, void *payload, size_t room);

/* What it has missed of a record so far, or of all that it wants when `id` is 0. */
int tlog_reader_lost(tlog_reader *reader, uint16_t id, tlog_lost *into);

/* ---- Writing to a card -------------------------------------------------------------------------------------------- */

/* A card: functions over sectors of TLOG_SECTOR bytes, each called with `context`. They return TLOG_CARD_ values. None of
 * begin, push, finish and reset waits for the card: TLOG_CARD_BUSY has it called again later, with the same arguments.
 *
 * - sectors: how many there are.   - read: one sector; may wait; not called while logging.
 * - begin: a write of `count` sectors from `first` on.   - push: the next of them; its bytes are read before it returns.
 * - finish: ends the write. TLOG_CARD_OK: the card has acknowledged all of it, and will have it after a cut of power.
 * - reset: gives up a write, if there is one, and makes the card ready; `id` gets what tells cards apart (CID).
 */
typedef struct tlog_card {
    void *context;
    int (*sectors)(void *context, uint32_t *count);
    int (*read)(void *context, uint32_t sector, uint8_t *into);
    int (*begin)(void *context, uint32_t first, uint32_t count);
    int (*push)(void *context, const uint8_t *sector);
    int (*finish)(void *context);
    int (*reset)(void *context, uint8_t id[16]);
} tlog_card;

typedef struct tlog_extent {
    uint32_t first;   /* sector */
    uint32_t sectors; /* how many */
} tlog_extent;

/* How to write. Zero for what does not matter; a null pointer is as good as all zeros. */
typedef struct tlog_config {
    const tlog_extent *extents; /* what stands for files, where there is no file system; none: a card of `tlog card init` */
    size_t extent_count;
    uint32_t control[2]; /* two sectors for the numbers of sessions, zeros at first; with extents only */
    uint32_t latency_us; /* how long a record waits in a batch that is not full; 0: a second */
    uint32_t timeout_us; /* how long a card may be busy with a sector; 0: five seconds */
    uint32_t pause_us;   /* how long to wait before a missing or useless card is looked at again; 0: a second */
    bool recycle;        /* whether to write over the oldest log when each file has one */
} tlog_config;

typedef struct tlog_counts {
    uint32_t taken;         /* records taken from rings into batches */
    uint32_t acknowledged;  /* of these, how many the card has acknowledged */
    uint32_t oversized;     /* records larger than a batch, left out */
    uint32_t batches;       /* batches acknowledged */
    uint32_t files;         /* files begun */
    uint32_t retries;       /* writes that were repeated */
    uint32_t abandoned;     /* files given up as writing to them failed again and again */
    uint32_t troubles;      /* how often nothing could be written */
    uint32_t longest_write; /* the longest that the card took for a batch, in microseconds */
} tlog_counts;

typedef struct tlog_mark {
    uint32_t opaque[2];
} tlog_mark;

typedef struct tlog_memory {
    const tlog_kind *const *kinds;
    size_t kind_count;
    uint8_t *batch;
    size_t batch_bytes;
    tlog_mark *marks;
    size_t mark_count;
} tlog_memory;

typedef struct tlog_writer {
    TLOG_ALIGNAS_(8) const tlog_memory *memory;
    uint32_t opaque_state;
    int32_t opaque_trouble;
    uint64_t opaque[TLOG_WRITER_WORDS];
} tlog_writer;

/* TLOG_WRITER(writer, KINDS, 16): makes a static tlog_writer with its memory, for records of KINDS, in batches of at most
 * 16 sectors; at file scope. */
#define TLOG_WRITER(NAME, KINDS, SECTORS) \
    static uint8_t NAME##_batch_[(SECTORS) * TLOG_SECTOR]; \
    static tlog_mark NAME##_marks_[sizeof(KINDS) / sizeof((KINDS)[0]) + TLOG_OWN_KINDS]; \
    static const tlog_memory NAME##_memory_ = { \
        KINDS, sizeof(KINDS) / sizeof((KINDS)[0]), NAME##_batch_, sizeof(NAME##_batch_), NAME##_marks_, \
        sizeof(NAME##_marks_) / sizeof(NAME##_marks_[0])}; \
    static tlog_writer NAME = {&NAME##_memory_, 0, 0, {0}}

/* Opens a writer that reads `reader_count` open readers, at most TLOG_MAX_READERS, an array; records come in the order of
 * their time. `config` may be null. Card and config are copied; readers, extents and `context` must live until the
 * writer is closed. Nothing is done with the card yet.
 * TLOG_ERROR_STATE: the writer is open, or a reader is not. TLOG_ERROR_NULL: so is a function, too. TLOG_ERROR_MEMORY: the
 * batch is too small. TLOG_ERROR_NAME, _DUPLICATE, _KINDS, _FIELDS: something is wrong with the records. */
int tlog_writer_open(tlog_writer *writer, const tlog_card *card, const tlog_config *config, tlog_reader *readers,
                     size_t reader_count);

/* Drains what is waiting and makes one step with the card. `now` is in microseconds since boot, of which the clock of the
 * rings has the low half; it never goes back. TLOG_IDLE, _BUSY, _WORKING, _ACKNOWLEDGED; TLOG_STOPPED_ values when nothing can
 * be written for now: go on calling it. Gives up a flush that is under way. */
int tlog_writer_poll(tlog_writer *writer, uint64_t now);

/* Writes what was logged up to the first call. TLOG_BUSY: call it again. TLOG_OK: the card has acknowledged all of it. A
 * TLOG_STOPPED_ value: it cannot be written for now, and is not forgotten. */
int tlog_writer_flush(tlog_writer *writer, uint64_t now);

/* As tlog_writer_flush, and closes the log: TLOG_CLOSED in the end. The writer can be opened again then. */
int tlog_writer_close(tlog_writer *writer, uint64_t now);

enum { TLOG_CLOCK_UNKNOWN = 0, TLOG_CLOCK_RTC = 1, TLOG_CLOCK_GNSS = 2, TLOG_CLOCK_HOST = 3 };

/* Tells what UTC, in microseconds since 1970, the time `mono_us` is, and who says so: a record in this and further files. */
int tlog_writer_set_clock(tlog_writer *writer, uint64_t mono_us, int64_t utc_us, uint8_t source);

/* What has happened since it was opened. */
int tlog_writer_counts(const tlog_writer *writer, tlog_counts *into);

/* The last TLOG_STOPPED_ value; TLOG_OK: none so far. */
int tlog_writer_trouble(const tlog_writer *writer);

/* A sentence about a result. */
const char *tlog_outcome_text(int outcome);

/* ---- A live link -------------------------------------------------------------------------------------------------- */

/* Fills packets with blocks of a log. Zero before it is opened. */
typedef struct tlog_packets {
    TLOG_ALIGNAS_(8) uint64_t opaque[TLOG_PACKETS_WORDS];
} tlog_packets;

/* Opens packets of these kinds from open readers, which must live on, as for a writer. */
int tlog_packets_open(tlog_packets *packets, const tlog_kind *const *kinds, size_t kind_count, tlog_reader *readers,
                      size_t reader_count);

/* Fills the front of `packet`: how many bytes of it count, 0 for nothing to send. All of them put together, from the first one
 * or a restart on, are a log. A block is never cut; one that is larger than a packet is left out. */
int tlog_packets_fill(tlog_packets *packets, uint64_t now, void *packet, size_t room);

/* Sends header and schemas again: for a listener that came later. */
int tlog_packets_restart(tlog_packets *packets);

/* ---- What the macros are made of ---------------------------------------------------------------------------------- */

#define TLOG_JOIN_(a, b) TLOG_JOIN_2_(a, b)
#define TLOG_JOIN_2_(a, b) a##b
#define TLOG_FOR_EACH_(M, a, ...) TLOG_JOIN_(TLOG_JOIN_(TLOG_EACH_, TLOG_COUNT_(__VA_ARGS__)), _)(M, a, __VA_ARGS__)
#define TLOG_PAIRS_(M, N, a, ...) TLOG_JOIN_(TLOG_JOIN_(TLOG_NEXT_, TLOG_COUNT_(__VA_ARGS__)), _)(M, N, a, __VA_ARGS__)

#define TLOG_SHARED_(NAME, SEGMENTS, BYTES, P, EXTRA) \
    TLOG_MAKE_RING_(NAME, TLOG_SHARED_OPS_(SEGMENTS, BYTES, P), (SEGMENTS) * ((BYTES) + 4) + (EXTRA))
#define TLOG_LANE_(NAME, BYTES, P, EXTRA) TLOG_MAKE_RING_(NAME, TLOG_LANE_OPS_(BYTES, P), (BYTES) + (EXTRA))
#define TLOG_SHARED_OPS_(SEGMENTS, BYTES, P) tlog_ops_shared_##SEGMENTS##x##BYTES##_##P
#define TLOG_LANE_OPS_(BYTES, P) tlog_ops_lane_##BYTES##_##P
#define TLOG_MAKE_RING_(NAME, OPS, SIZE) \
    TLOG_ALIGNAS_(TLOG_RING_ALIGN) static uint8_t NAME##_storage_[SIZE]; \
    extern const tlog_ring NAME; \
    const tlog_ring NAME = {&OPS, NAME##_storage_}

#define TLOG_SIZE_(T, f) sizeof(((T *)0)->f)
#define TLOG_FIRST_(T, f, ...) TLOG_STATIC_ASSERT_(offsetof(T, f) == 0, "fields: " #f " is not the first of the struct");
#define TLOG_FOLLOWS_(T, f, g) \
    TLOG_STATIC_ASSERT_(offsetof(T, g) == offsetof(T, f) + TLOG_SIZE_(T, f), \
                        "fields: " #g " does not follow " #f ": padding, another field, or another order");
#define TLOG_LAST_(T, f) \
    TLOG_STATIC_ASSERT_(sizeof(T) == offsetof(T, f) + TLOG_SIZE_(T, f), \
                        "fields: " #f " is not the last of the struct: padding, or another field");
#define TLOG_TYPE_IS_GOOD_(T, f) \
    TLOG_STATIC_ASSERT_(TLOG_CODE_(T, f) != 0 && TLOG_CODE_(T, f) < 0x80, "fields: " #f " is of a type that a log has not");
#define TLOG_FIELD_(T, f) {#f, TLOG_ITEMS_(T, f), sizeof(#f) - 1, TLOG_CODE_(T, f)},
#define TLOG_KIND_AT_(TABLE, NAME) TLOG_AT_##TABLE##_##NAME,
#define TLOG_KIND_IS_AT_(TABLE, NAME) \
    TLOG_STATIC_ASSERT_((int)TLOG_AT_##TABLE##_##NAME == (int)TLOG_ID_##NAME, #TABLE ": " #NAME " is not in its place");
#define TLOG_KIND_(TABLE, NAME) &tlog_kind_##NAME,

#ifdef __cplusplus
} /* extern "C" */

namespace tlog_detail {
template <class T> struct same {
    using type = T;
};
template <class T> constexpr uint8_t code() {
    using E = std::remove_cv_t<std::remove_extent_t<T>>;
    if (std::is_same<E, bool>::value) return 2;
    if (std::is_same<E, float>::value) return 7;
    if (std::is_same<E, double>::value && sizeof(E) == 8) return 8;
    if (std::is_same<E, tlog_timestamp>::value) return 22;
    if (std::is_same<E, tlog_duration>::value) return 23;
    using I = typename std::conditional_t<std::is_enum<E>::value, std::underlying_type<E>, same<E>>::type;
    if (std::is_integral<I>::value) return uint8_t((std::is_signed<I>::value ? 0x30 : 0x40) + sizeof(I));
    return 0;
}
template <class T> constexpr uint16_t items() { return uint16_t(std::extent<T>::value); }
} // namespace tlog_detail
#define TLOG_CODE_(T, f) (tlog_detail::code<decltype(T::f)>())
#define TLOG_ITEMS_(T, f) (tlog_detail::items<decltype(T::f)>())
#else
/* Types with any number of stars behind them, and their codes. */
#define TLOG_TYPES_(P) \
    _Bool P: 2, float P: 7, double P: (sizeof(double) == 8 ? 8 : 0), tlog_timestamp P: 22, tlog_duration P: 23, \
    char P: ((char)-1 < 0 ? 0x31 : 0x41), signed char P: 0x31, unsigned char P: 0x41, short P: 0x30 + sizeof(short), \
    unsigned short P: 0x40 + sizeof(short), int P: 0x30 + sizeof(int), unsigned P: 0x40 + sizeof(int), \
    long P: 0x30 + sizeof(long), unsigned long P: 0x40 + sizeof(long), long long P: 0x30 + sizeof(long long), \
    unsigned long long P: 0x40 + sizeof(long long)
/* A pointer to a field is a pointer to such a type, or to an array of it, or, if it is a pointer, to a pointer. */
#define TLOG_SCALAR_(T, f) _Generic(&((T *)0)->f, TLOG_TYPES_(*), default: 0)
#define TLOG_ITEM_(T, f) _Generic(((T *)0)->f, TLOG_TYPES_(*), default: 0)
#define TLOG_POINTER_(T, f) _Generic(&((T *)0)->f, TLOG_TYPES_(**), default: 0)
#define TLOG_CODE_(T, f) \
    ((uint8_t)(TLOG_POINTER_(T, f) != 0 ? 0xff : TLOG_SCALAR_(T, f) != 0 ? TLOG_SCALAR_(T, f) : TLOG_ITEM_(T, f)))
#define TLOG_WIDTH_(code) ((code) == 2 ? 1u : (code) == 7 ? 4u : (code) < 0x30 ? 8u : (code) & 15u)
#define TLOG_ITEMS_(T, f) \
    ((uint16_t)(TLOG_SCALAR_(T, f) != 0 ? 0 : TLOG_SIZE_(T, f) / TLOG_WIDTH_(TLOG_CODE_(T, f))))
#endif

/* clang-format off */
/* TLOG_EACH_(M, a, x, y, …) is M(a, x) M(a, y) …, with up to TLOG_MAX_FIELDS of them. */
#define TLOG_EACH_1_(M, a, x) M(a, x)
#define TLOG_EACH_2_(M, a, x, ...) M(a, x) TLOG_EACH_1_(M, a, __VA_ARGS__)
#define TLOG_EACH_3_(M, a, x, ...) M(a, x) TLOG_EACH_2_(M, a, __VA_ARGS__)
#define TLOG_EACH_4_(M, a, x, ...) M(a, x) TLOG_EACH_3_(M, a, __VA_ARGS__)
#define TLOG_EACH_5_(M, a, x, ...) M(a, x) TLOG_EACH_4_(M, a, __VA_ARGS__)
#define TLOG_EACH_6_(M, a, x, ...) M(a, x) TLOG_EACH_5_(M, a, __VA_ARGS__)
#define TLOG_EACH_7_(M, a, x, ...) M(a, x) TLOG_EACH_6_(M, a, __VA_ARGS__)
#define TLOG_EACH_8_(M, a, x, ...) M(a, x) TLOG_EACH_7_(M, a, __VA_ARGS__)
#define TLOG_EACH_9_(M, a, x, ...) M(a, x) TLOG_EACH_8_(M, a, __VA_ARGS__)
#define TLOG_EACH_10_(M, a, x, ...) M(a, x) TLOG_EACH_9_(M, a, __VA_ARGS__)
#define TLOG_EACH_11_(M, a, x, ...) M(a, x) TLOG_EACH_10_(M, a, __VA_ARGS__)
#define TLOG_EACH_12_(M, a, x, ...) M(a, x) TLOG_EACH_11_(M, a, __VA_ARGS__)
#define TLOG_EACH_13_(M, a, x, ...) M(a, x) TLOG_EACH_12_(M, a, __VA_ARGS__)
#define TLOG_EACH_14_(M, a, x, ...) M(a, x) TLOG_EACH_13_(M, a, __VA_ARGS__)
#define TLOG_EACH_15_(M, a, x, ...) M(a, x) TLOG_EACH_14_(M, a, __VA_ARGS__)
#define TLOG_EACH_16_(M, a, x, ...) M(a, x) TLOG_EACH_15_(M, a, __VA_ARGS__)
#define TLOG_EACH_17_(M, a, x, ...) M(a, x) TLOG_EACH_16_(M, a, __VA_ARGS__)
#define TLOG_EACH_18_(M, a, x, ...) M(a, x) TLOG_EACH_17_(M, a, __VA_ARGS__)
#define TLOG_EACH_19_(M, a, x, ...) M(a, x) TLOG_EACH_18_(M, a, __VA_ARGS__)
#define TLOG_EACH_20_(M, a, x, ...) M(a, x) TLOG_EACH_19_(M, a, __VA_ARGS__)
#define TLOG_EACH_21_(M, a, x, ...) M(a, x) TLOG_EACH_20_(M, a, __VA_ARGS__)
#define TLOG_EACH_22_(M, a, x, ...) M(a, x) TLOG_EACH_21_(M, a, __VA_ARGS__)
#define TLOG_EACH_23_(M, a, x, ...) M(a, x) TLOG_EACH_22_(M, a, __VA_ARGS__)
#define TLOG_EACH_24_(M, a, x, ...) M(a, x) TLOG_EACH_23_(M, a, __VA_ARGS__)
#define TLOG_EACH_25_(M, a, x, ...) M(a, x) TLOG_EACH_24_(M, a, __VA_ARGS__)
#define TLOG_EACH_26_(M, a, x, ...) M(a, x) TLOG_EACH_25_(M, a, __VA_ARGS__)
#define TLOG_EACH_27_(M, a, x, ...) M(a, x) TLOG_EACH_26_(M, a, __VA_ARGS__)
#define TLOG_EACH_28_(M, a, x, ...) M(a, x) TLOG_EACH_27_(M, a, __VA_ARGS__)
#define TLOG_EACH_29_(M, a, x, ...) M(a, x) TLOG_EACH_28_(M, a, __VA_ARGS__)
#define TLOG_EACH_30_(M, a, x, ...) M(a, x) TLOG_EACH_29_(M, a, __VA_ARGS__)
#define TLOG_EACH_31_(M, a, x, ...) M(a, x) TLOG_EACH_30_(M, a, __VA_ARGS__)
#define TLOG_EACH_32_(M, a, x, ...) M(a, x) TLOG_EACH_31_(M, a, __VA_ARGS__)

/* TLOG_NEXT_(M, N, a, x, y, …, z) is M(a, x, y) … N(a, z). */
#define TLOG_NEXT_1_(M, N, a, x) N(a, x)
#define TLOG_NEXT_2_(M, N, a, x, y) M(a, x, y) TLOG_NEXT_1_(M, N, a, y)
#define TLOG_NEXT_3_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_2_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_4_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_3_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_5_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_4_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_6_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_5_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_7_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_6_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_8_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_7_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_9_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_8_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_10_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_9_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_11_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_10_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_12_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_11_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_13_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_12_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_14_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_13_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_15_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_14_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_16_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_15_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_17_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_16_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_18_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_17_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_19_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_18_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_20_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_19_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_21_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_20_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_22_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_21_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_23_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_22_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_24_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_23_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_25_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_24_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_26_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_25_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_27_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_26_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_28_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_27_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_29_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_28_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_30_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_29_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_31_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_30_(M, N, a, y, __VA_ARGS__)
#define TLOG_NEXT_32_(M, N, a, x, y, ...) M(a, x, y) TLOG_NEXT_31_(M, N, a, y, __VA_ARGS__)

#define TLOG_PICK_(x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, x18, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30, x31, x32, n, ...) n
#define TLOG_COUNT_(...) TLOG_PICK_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
/* clang-format on */

#endif
