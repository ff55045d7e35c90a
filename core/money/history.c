/* history.c - over all segments of a ledger. */
#include "money/history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "money/segment.h"

enum { ARENA_FIRST = 16 << 10 };

struct history {
    const struct history_visitor *visitor;
    struct history_report *report;
    struct fail *fail;
    struct arena arena; /* of one record */
    const char *name;   /* of the segment */
    uint64_t number;    /* of the next record in this segment; 0: its OPEN is to come */
    bool stopped;
};

static void problem(struct history *h, const struct segment_reader *r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void problem(struct history *h, const struct segment_reader *r, const char *format, ...)
{
    char why[256], what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    h->report->problems++;
    if (h->visitor->problem == NULL)
        return;
    snprintf(what, sizeof what, "%s, byte %" PRIu64 ": %s", h->name, r->offset, why);
    h->visitor->problem(h->visitor->owner, what);
}

static void visit(struct history *h, const struct record *record, struct text bytes)
{
    if (!h->stopped && !h->visitor->record(h->visitor->owner, record, bytes))
        h->stopped = true;
}

/* The oldest segment that is left begins with the HOLDs of older ones. */
static void visit_carried(struct history *h, const struct segment_reader *r, const struct record *open)
{
    const struct text *carried = open->carried.items;
    for (size_t i = 0; i < open->carried.count && !h->stopped; i++) {
        struct record hold;
        const char *why;
        if (record_read(carried[i], &h->arena, &hold, &why) < 0 || hold.type != RECORD_HOLD)
            problem(h, r, "a hold that was carried over cannot be read");
        else
            visit(h, &hold, carried[i]);
    }
}

static void read_open(struct history *h, const struct segment_reader *r, const struct record *record, struct text bytes)
{
    if (h->number != 0)
        problem(h, r, "a segment begins in the middle of a file");
    if (h->report->next != 0 && record->number > h->report->next)
        problem(h, r, "the records %" PRIu64 " to %" PRIu64 " are missing before it", h->report->next, record->number - 1);
    h->number = record->number;
    visit(h, record, bytes);
    if (h->report->next == 0)
        visit_carried(h, r, record);
    if (record->number > h->report->next)
        h->report->next = record->number;
}

static void read_record(struct history *h, const struct segment_reader *r, const struct record *record, struct text bytes)
{
    if (h->number == 0)
        problem(h, r, "the segment does not begin with an OPEN");
    else if (record->number != h->number)
        problem(h, r, "record %" PRIu64 " stands where %" PRIu64 " should", record->number, h->number);
    h->number = record->number + 1;
    if (record->number < h->report->next) {
        h->report->repeated++;
        return;
    }
    h->report->next = record->number + 1;
    h->report->records++;
    visit(h, record, bytes);
}

static int read_one(struct history *h, const struct segment_reader *r, struct text bytes)
{
    struct record record;
    const char *why;
    if (record_read(bytes, &h->arena, &record, &why) < 0)
        return fail_set(h->fail, FAIL_OPERATOR, "%s, byte %" PRIu64 ": %s. Use a version of llm-gateway that is at least as new as the one that wrote it",
                        h->name, r->offset, why);
    if (record.type == RECORD_OPEN)
        read_open(h, r, &record, bytes);
    else
        read_record(h, r, &record, bytes);
    arena_reset(&h->arena);
    return 0;
}

static int read_segment(struct history *h, const char *folder)
{
    struct segment_reader r;
    struct text bytes;
    enum segment_next next;
    int result = 0;

    if (segment_open(&r, folder, h->name, h->fail) < 0)
        return -1;
    h->number = 0;
    h->report->segments++;
    while (result == 0 && !h->stopped && (next = segment_next(&r, &bytes)) != SEGMENT_END) {
        if (next == SEGMENT_RECORD) {
            result = read_one(h, &r, bytes);
            continue;
        }
        if (next == SEGMENT_TORN)
            h->report->torn++;
        else
            problem(h, &r, "what stands here is not what was written: the rest of this file cannot be read");
        break;
    }
    h->report->bytes += r.offset + r.lent;
    segment_close(&r);
    return result;
}

int history_read(const char *folder, const struct history_visitor *visitor, struct history_report *report, struct fail *fail)
{
    struct history h = { .visitor = visitor, .report = report, .fail = fail };
    struct segment_files files;
    struct arena names;
    char *first = malloc(ARENA_FIRST);

    BUG_IF(first == NULL);
    *report = (struct history_report){ 0 };
    arena_init(&names, NULL, 0, 256 << 20);
    arena_init(&h.arena, first, ARENA_FIRST, 2 * SEGMENT_RECORD_MOST);
    int result = segment_list(folder, &names, &files, fail);
    for (size_t i = 0; result == 0 && i < files.count && !h.stopped; i++) {
        h.name = files.names[i];
        result = read_segment(&h, folder);
    }
    if (report->next == 0)
        report->next = 1;
    arena_fini(&h.arena);
    arena_fini(&names);
    free(first);
    return result;
}
