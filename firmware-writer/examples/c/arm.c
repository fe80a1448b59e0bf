/* As small as a firmware can be, for any Cortex-M: an interrupt and the main loop log, the main loop writes. It shows that all of
 * it compiles and links; the card is one that is not there. Start-up code and linker script would come with the chip. */
#include "records.h"

TLOG_LANE(tick_lane, 1024);
TLOG_RING2(ring, 16, 256);
TLOG_WRITER(writer, KINDS, 8);

static volatile uint32_t micros;

#ifdef __cplusplus
extern "C" {
#endif
void start(void);
void tick(void);
extern uint32_t stack_top[], bss_start[], bss_end[];
#ifdef __cplusplus
}
#endif

static uint32_t now_us(void) { return micros; }

void tick(void) {
    micros += 1000;
    struct imu imu = imu_at(micros);
    TLOG_LOG(&tick_lane, IMU, imu);
}

static int none(void *context) {
    (void)context;
    return TLOG_CARD_ABSENT;
}
static int no_sectors(void *context, uint32_t *count) { return (void)count, none(context); }
static int no_read(void *context, uint32_t sector, uint8_t *into) { return (void)sector, (void)into, none(context); }
static int no_begin(void *context, uint32_t first, uint32_t count) { return (void)first, (void)count, none(context); }
static int no_push(void *context, const uint8_t *sector) { return (void)sector, none(context); }
static int no_reset(void *context, uint8_t id[16]) { return (void)id, none(context); }

static void run(void) {
    static tlog_reader readers[2], link_reader;
    static tlog_packets packets;
    static uint8_t packet[512];
    static const tlog_card card = {NULL, no_sectors, no_read, no_begin, no_push, none, no_reset};
    tlog_clock(now_us);
    tlog_reader_open(&readers[0], &tick_lane, TLOG_ALL);
    tlog_reader_open(&readers[1], &ring, TLOG_ALL);
    tlog_reader_open(&link_reader, &ring, TLOG_BIT(STATUS));
    tlog_writer_open(&writer, &card, NULL, readers, 2);
    tlog_packets_open(&packets, KINDS, sizeof(KINDS) / sizeof(KINDS[0]), &link_reader, 1);
    for (uint32_t number = 0;; number++) {
        struct status status = status_at(number);
        TLOG_LOG(&ring, STATUS, status);
        tlog_writer_poll(&writer, micros);
        tlog_packets_fill(&packets, micros, packet, sizeof(packet));
    }
}

/* ---- In place of what comes with the chip ---- */

void start(void) {
    for (uint32_t *word = bss_start; word < bss_end; word++) *word = 0;
    run();
}

/* The exceptions: the stack, where to begin, and as the last one SysTick. */
struct vectors {
    uint32_t *stack;
    void (*handlers[15])(void);
};
__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    stack_top, {start, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, tick}};
