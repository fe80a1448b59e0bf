/* What the examples log. */
#ifndef RECORDS_H
#define RECORDS_H

#include "tlog_firmware.h"

struct imu {
    uint32_t number;
    float accel[3];
    float gyro[3];
};
TLOG_RECORD(IMU, 1, "imu", struct imu, number, accel, gyro);

struct status {
    uint64_t number;
    tlog_timestamp when;
    tlog_duration uptime;
    double volts;
    int64_t offset;
    int32_t counts[2];
    uint32_t faults;
    int16_t celsius;
    uint16_t flags;
    int8_t trim[4];
    uint8_t level;
    bool is_armed;
    bool doors[2];
};
TLOG_RECORD(STATUS, 2, "robot.status", struct status, number, when, uptime, volts, offset, counts, faults, celsius, flags,
            trim, level, is_armed, doors);

TLOG_KINDS(KINDS, IMU, STATUS);

static inline struct imu imu_at(uint32_t number) {
    struct imu imu;
    imu.number = number;
    for (int axis = 0; axis < 3; axis++) {
        imu.accel[axis] = (float)number * 0.5f + (float)axis;
        imu.gyro[axis] = -(float)number - (float)axis * 0.25f;
    }
    return imu;
}

static inline struct status status_at(uint32_t number) {
    struct status status;
    status.number = number;
    status.when.us = 1700000000000000 + (int64_t)number;
    status.uptime.us = -(int64_t)number;
    status.volts = (double)number / 8;
    status.offset = -5000000000 - (int64_t)number;
    status.counts[0] = (int32_t)number;
    status.counts[1] = -(int32_t)number;
    status.faults = number % 2 == 0 ? 0 : 1;
    status.celsius = (int16_t)(number % 100 - 50);
    status.flags = (uint16_t)(number * 7);
    for (int at = 0; at < 4; at++) status.trim[at] = (int8_t)(at - 2);
    status.level = (uint8_t)number;
    status.is_armed = number % 3 == 0;
    status.doors[0] = number % 5 == 0;
    status.doors[1] = true;
    return status;
}

#endif
