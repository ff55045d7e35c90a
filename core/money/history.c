/* history.c - over all segments of a ledger. */
#include "money/history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "money/segment.h"

enum { ARENA_FIRST = 16 << 10, KEPT_MOST = 256 << 10 };

struct history {
    const struct history_visitor *visitor;
    struct history_report *report;
    struct fail *fail;
    struct arena arena; /* of one record */
    struct buf kept;    /* problems that nobody has accepted yet, a line each */
    const char *name;   /* of the segment */
    uint64_t number;    /* of the next record in this segment; 0: its OPEN is to come */
    bool stopped;
};

static void problem(struct history *h, const struct segment_reader *r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void problem(struct history *h, const struct segment_reader *r, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    h->report->problems++;
    if (h->visitor->problem != NULL)
        buf_printf(&h->kept, "%s, byte %" PRIu64 ": %s\n", h->name, r->offset, why);
}

/* Everything before this OPEN is as it is: the operator knows. */
static void accept_problems(struct history *h)
{
    h->report->accepted += h->report->problems;
    h->report->problems = 0;
    buf_truncate(&h->kept, 0);
}

static void show_problems(struct history *h)
{
    char what[512];
    struct text rest = buf_view(&h->kept);
    while (rest.len > 0) {
        struct text line = text_cut(&rest, '\n');
        snprintf(what, sizeof what, "%.*s", TEXT_ARG(line));
        h->visitor->problem(h->visitor->owner, what);
    }
}

static void visit(struct history *h, const struct record *record, struct text bytes)
{
    if (!h->stopped && !h->visitor->record(h->visitor->owner, record, bytes))
        h->stopped = true;
}

/* The oldest segment that is read begins with the HOLDs of older ones. */
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
    bool first = h->report->next == 0;
    if (h->number != 0)
        problem(h, r, "a segment begins in the middle of a file");
    if (!first && record->number > h->report->next)
        problem(h, r, "the records %" PRIu64 " to %" PRIu64 " are missing before it", h->report->next,
                record->number - 1);
    if (record->gap)
        accept_problems(h);
    h->number = record->number;
    visit(h, record, bytes);
    if (first)
        visit_carried(h, r, record);
    if (record->number > h->report->next)
        h->report->next = record->number;
}

static void read_record(struct history *h, const struct segment_reader *r, const struct record *record,
                        struct text bytes)
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
        return fail_set(h->fail, FAIL_OPERATOR,
                        "%s, byte %" PRIu64
                        ": %s. Use a version of llm-gateway that is at least as new as the one that wrote it",
                        h->name, r->offset, why);
    if (record.type == RECORD_OPEN)
        read_open(h, r, &record, bytes);
    else if (record.type == RECORD_MARK)
        visit(h, &record, bytes);
    else
        read_record(h, r, &record, bytes);
    arena_reset(&h->arena);
    return 0;
}

/* Is what cannot be read lost although it was on the disk once? A MARK behind it shows that: the first record that is lost has a
 * lower number. Without one it had not been synced, and nobody was promised it. */
static bool was_promised(struct history *h, struct segment_reader *r)
{
    uint64_t lost = h->number;
    struct text bytes;
    while (segment_seek(r, &bytes)) {
        struct record record;
        const char *why;
        bool good = record_read(bytes, &h->arena, &record, &why) == 0;
        if (good && record.type == RECORD_MARK && lost != 0 && record.number > lost)
            return true;
        if (good && record.type != RECORD_MARK && lost == 0)
            lost = record.number;
        arena_reset(&h->arena);
    }
    return false;
}

static void read_damage(struct history *h, struct segment_reader *r)
{
    struct segment_reader at = *r; /* for the place that is shown */
    if (r->failed || was_promised(h, r))
        problem(h, &at, "what stands here is not what was written: the rest of this file cannot be read");
    else
        h->report->torn++;
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
            read_damage(h, &r);
        break;
    }
    h->report->bytes += r.offset + r.lent;
    segment_close(&r);
    return result;
}

int history_read_from(const char *folder, uint64_t from, const struct history_visitor *visitor,
                      struct history_report *report, struct fail *fail)
{
    struct history h = { .visitor = visitor, .report = report, .fail = fail };
    struct segment_files files;
    struct arena names;
    char *first = malloc(ARENA_FIRST);

    BUG_IF(first == NULL);
    *report = (struct history_report){ 0 };
    buf_init(&h.kept, KEPT_MOST);
    arena_init(&names, NULL, 0, 256 << 20);
    arena_init(&h.arena, first, ARENA_FIRST, 2 * SEGMENT_RECORD_MOST);
    int result = segment_list(folder, &names, &files, fail);
    for (size_t i = 0; result == 0 && i < files.count && !h.stopped; i++) {
        h.name = files.names[i];
        if (segment_number(h.name) >= from)
            result = read_segment(&h, folder);
    }
    if (visitor->problem != NULL)
        show_problems(&h);
    if (report->next == 0)
        report->next = 1;
    buf_free(&h.kept);
    arena_fini(&h.arena);
    arena_fini(&names);
    free(first);
    return result;
}

int history_read(const char *folder, const struct history_visitor *visitor, struct history_report *report,
                 struct fail *fail)
{
    return history_read_from(folder, 0, visitor, report, fail);
}

/* Does it begin with a whole OPEN, and do the records follow that come again behind it? Without them what it carries over is of
 * records that were lost with the power, or that are only in the file before. */
static bool is_whole(const char *folder, const char *name)
{
    struct segment_reader r;
    struct text bytes;
    struct record record;
    struct arena arena;
    struct fail fail;
    const char *why;
    uint64_t next = 0, needed = 0;

    if (segment_open(&r, folder, name, &fail) < 0)
        return false; /* who reads it reports that */
    arena_init(&arena, NULL, 0, 2 * SEGMENT_RECORD_MOST);
    bool good = segment_next(&r, &bytes) == SEGMENT_RECORD && record_read(bytes, &arena, &record, &why) == 0 &&
                record.type == RECORD_OPEN && record.whole;
    if (good) {
        next = record.number;
        needed = record.again;
    }
    while (good && next < needed) {
        arena_reset(&arena);
        good = segment_next(&r, &bytes) == SEGMENT_RECORD && record_read(bytes, &arena, &record, &why) == 0;
        next += good && record.type != RECORD_MARK;
    }
    arena_fini(&arena);
    segment_close(&r);
    return good;
}

int history_find_whole(const char *folder, uint64_t *segment, struct fail *fail)
{
    struct segment_files files;
    struct arena names;

    *segment = 0;
    arena_init(&names, NULL, 0, 256 << 20);
    int result = segment_list(folder, &names, &files, fail);
    for (size_t i = files.count; result == 0 && i > 0 && *segment == 0; i--)
        if (is_whole(folder, files.names[i - 1]))
            *segment = segment_number(files.names[i - 1]);
    arena_fini(&names);
    return result;
}
