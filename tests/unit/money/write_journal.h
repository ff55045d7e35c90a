/* write_journal.h - journals that a test writes itself, record by record: what no ledger would write is in them too. */
#ifndef WRITE_JOURNAL_H
#define WRITE_JOURNAL_H

#include "folder.h"
#include "money/record.h"
#include "money/segment.h"

#define LIST(type_, ...)                                                                                               \
    {                                                                                                                  \
        (struct type_[]){ __VA_ARGS__ }, sizeof((struct type_[]){ __VA_ARGS__ }) / sizeof(struct type_)                \
    }
/* What a record of each type needs, and more. An OPEN begins the next file. */
#define OPEN(number_, ...)                                                                                             \
    {                                                                                                                  \
        .type = RECORD_OPEN, .number = (number_), .unix_ms = 1, .format = 1, .boot = TEXT("b"), .segment = 1,          \
        __VA_ARGS__                                                                                                    \
    }
#define HOLD(number_, at_ms_, hard_, ...)                                                                              \
    {                                                                                                                  \
        .type = RECORD_HOLD, .number = (number_), .unix_ms = 1, .request = TEXT("r"), .attempt = 1,                    \
        .provider = TEXT("p"), .admitted_ms = (at_ms_), .hard = (hard_), __VA_ARGS__                                   \
    }
#define END(number_, hold_, ending_, ...)                                                                              \
    {                                                                                                                  \
        .type = RECORD_END, .number = (number_), .unix_ms = 1, .hold = (hold_), .ending = ENDING_##ending_,            \
        __VA_ARGS__                                                                                                    \
    }
#define ROW(number_, at_ms_, ...)                                                                                      \
    {                                                                                                                  \
        .type = RECORD_ROW, .number = (number_), .unix_ms = 1, .request = TEXT("r"), .admitted_ms = (at_ms_),          \
        __VA_ARGS__                                                                                                    \
    }
#define LATE(number_, hold_, ...)                                                                                      \
    {                                                                                                                  \
        .type = RECORD_LATE, .number = (number_), .unix_ms = 1, .hold = (hold_), .who = TEXT("w"), __VA_ARGS__         \
    }
/* A cost of one line. */
#define COSTS(nano_) .cost = (nano_), .lines = LIST(record_line, { .unit = TEXT("input"), .cost = (nano_) })

/* Writes them as segments 1, 2 ...: each OPEN begins one. Up to the first record without a type, at most `count`. The
 * record at `damaged` has a wrong byte; -1: none. */
static inline void forge(const struct folder *f, const struct record *all, size_t count, int damaged)
{
    struct buf bytes, record;
    char path[512];
    unsigned files = 0;
    buf_init(&bytes, 1 << 20);
    buf_init(&record, 1 << 20);
    for (size_t i = 0; i < count && all[i].type != RECORD_NONE; i++) {
        if (all[i].type == RECORD_OPEN) {
            files++;
            buf_truncate(&bytes, 0);
            buf_str(&bytes, SEGMENT_HEAD);
        }
        buf_truncate(&record, 0);
        cr_assert_eq(record_write(&all[i], &record), 0);
        cr_assert_eq(segment_frame(buf_view(&record), &bytes), 0);
        if ((int)i == damaged)
            bytes.ptr[bytes.start + bytes.len - 1] ^= 1;
        snprintf(path, sizeof path, "%s/%08u-00000000-0000-0000-0000-000000000000.journal", f->path, files);
        folder_write(path, buf_view(&bytes).ptr, buf_view(&bytes).len);
    }
    buf_free(&bytes);
    buf_free(&record);
}

/* The bytes of a record, as an OPEN carries it. In `room`. */
static inline struct text forge_carried(const struct record *record, char room[2048])
{
    struct buf bytes;
    buf_init(&bytes, 2048);
    cr_assert_eq(record_write(record, &bytes), 0);
    size_t len = bytes.len;
    memcpy(room, buf_view(&bytes).ptr, len);
    buf_free(&bytes);
    return (struct text){ room, len };
}

#endif
