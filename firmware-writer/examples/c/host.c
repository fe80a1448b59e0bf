/* Logs from two threads to the image of a card. As C and as C++:
 *
 *     cargo build -p tlog-firmware
 *     gcc -std=c11 -I firmware-writer/include -o host firmware-writer/examples/c/host.c target/debug/libtlog_firmware.a \
 *         -pthread -ldl -lm
 *     tlog card init card.img --files 2 --size 1MiB && ./host card.img 1000 && tlog card pull card.img -o logs
 */
#define _POSIX_C_SOURCE 200809L

#include "records.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One lane for the thread that alone logs there, one ring for all others. */
TLOG_LANE(imu_lane, 65536);
TLOG_RING(ring, 32, 1024);
TLOG_WRITER(writer, KINDS, 16);

static uint32_t count;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static uint32_t now_low(void) { return (uint32_t)now(); }

static void rest(void) {
    const struct timespec time = {0, 100000};
    nanosleep(&time, NULL);
}

/* ---- The threads: firmware would go on when a record is dropped, which is counted. ---- */

static void *log_imu(void *unused) {
    for (uint32_t number = 0; number < count; number++) {
        struct imu imu = imu_at(number);
        while (!TLOG_LOG(&imu_lane, IMU, imu)) rest();
    }
    return unused;
}

static void *log_status(void *unused) {
    for (uint32_t number = 0; number < count; number++) {
        struct status status = status_at(number);
        while (!TLOG_LOG(&ring, STATUS, status)) rest();
    }
    return unused;
}

/* ---- The card: an image of one. Every other question finds it busy. ---- */

struct image {
    FILE *file;
    uint32_t sectors;
    unsigned asked;
};

static int is_busy(struct image *image) { return image->asked++ % 2 == 0; }

static int seek(struct image *image, uint32_t sector) {
    if (sector > image->sectors) return TLOG_CARD_OUT_OF_RANGE;
    return fseek(image->file, (long)sector * TLOG_SECTOR, SEEK_SET) == 0 ? TLOG_CARD_OK : TLOG_CARD_FAILED;
}

static int card_sectors(void *context, uint32_t *sectors) {
    *sectors = ((struct image *)context)->sectors;
    return TLOG_CARD_OK;
}

static int card_read(void *context, uint32_t sector, uint8_t *into) {
    struct image *image = (struct image *)context;
    int answer = seek(image, sector);
    if (answer != TLOG_CARD_OK) return answer;
    return fread(into, TLOG_SECTOR, 1, image->file) == 1 ? TLOG_CARD_OK : TLOG_CARD_FAILED;
}

static int card_begin(void *context, uint32_t first, uint32_t sectors) {
    struct image *image = (struct image *)context;
    if (is_busy(image)) return TLOG_CARD_BUSY;
    if (sectors > image->sectors - first) return TLOG_CARD_OUT_OF_RANGE;
    return seek(image, first);
}

static int card_push(void *context, const uint8_t *sector) {
    struct image *image = (struct image *)context;
    if (is_busy(image)) return TLOG_CARD_BUSY;
    return fwrite(sector, TLOG_SECTOR, 1, image->file) == 1 ? TLOG_CARD_OK : TLOG_CARD_FAILED;
}

static int card_finish(void *context) {
    struct image *image = (struct image *)context;
    if (is_busy(image)) return TLOG_CARD_BUSY;
    return fflush(image->file) == 0 ? TLOG_CARD_OK : TLOG_CARD_FAILED;
}

static int card_reset(void *context, uint8_t id[16]) {
    (void)context;
    for (uint8_t at = 0; at < 16; at++) id[at] = at;
    return TLOG_CARD_OK;
}

static void fail(const char *what, int outcome) {
    fprintf(stderr, "%s: %s\n", what, tlog_outcome_text(outcome));
    exit(1);
}

int main(int argc, char **argv) {
    static struct image image;
    static tlog_reader readers[2];
    if (argc != 3) return 2;
    count = (uint32_t)strtoul(argv[2], NULL, 10);
    image.file = fopen(argv[1], "r+b");
    if (image.file == NULL || fseek(image.file, 0, SEEK_END) != 0) {
        perror(argv[1]);
        return 1;
    }
    image.sectors = (uint32_t)(ftell(image.file) / TLOG_SECTOR);
    const tlog_card card = {&image, card_sectors, card_read, card_begin, card_push, card_finish, card_reset};

    tlog_clock(now_low);
    int outcome = tlog_reader_open(&readers[0], &imu_lane, TLOG_ALL);
    if (outcome == TLOG_OK) outcome = tlog_reader_open(&readers[1], &ring, TLOG_BIT(STATUS));
    if (outcome == TLOG_OK) outcome = tlog_writer_open(&writer, &card, NULL, readers, 2);
    if (outcome != TLOG_OK) fail("open", outcome);
    tlog_writer_set_clock(&writer, now(), 1700000000000000, TLOG_CLOCK_HOST);

    pthread_t threads[2];
    pthread_create(&threads[0], NULL, log_imu, NULL);
    pthread_create(&threads[1], NULL, log_status, NULL);
    tlog_counts counts = {0, 0, 0, 0, 0, 0, 0, 0, 0};
    while (counts.taken < 2 * count) {
        outcome = tlog_writer_poll(&writer, now());
        if (outcome < 0) fail("poll", outcome);
        if (outcome == TLOG_IDLE) rest();
        tlog_writer_counts(&writer, &counts);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    const uint64_t end = now();
    while ((outcome = tlog_writer_close(&writer, end)) == TLOG_BUSY) {
    }
    if (outcome != TLOG_CLOSED) fail("close", outcome);
    tlog_writer_counts(&writer, &counts);
    printf("%u records acknowledged in %u batches\n", (unsigned)counts.acknowledged, (unsigned)counts.batches);
    return counts.acknowledged == 2 * count && fclose(image.file) == 0 ? 0 : 1;
}
