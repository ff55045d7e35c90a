/* follow.c - over the segments of a journal that may be written at the same time. */
#include "money/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "money/places.h"
#include "money/segment.h"

#define FOLLOW_MAGIC 0x666f6c6cu
enum { ARENA_FIRST = 16 << 10, NAME_MOST = 128 };

struct follow {
    uint32_t magic;
    struct follow_settings settings;
    struct segment_reader reader;
    bool reading, positioned; /* a segment is open; its first record is still to be compared with settings.from */
    bool looked;              /* at the end of this segment once more, after another was seen behind it */
    uint64_t segment;         /* its number; 0: none was read */
    char name[NAME_MOST];
    uint64_t in_file; /* the record that comes next in this file; 0: its OPEN */
    uint64_t seen;    /* the record that comes next of all; 0: nothing was read */
    uint64_t damages; /* passed over */
    struct holds open;
    struct places places; /* of the open HOLDs */
    struct arena arena;   /* of one record */
    char *first;
};

/* What one frame was. */
enum step { STEP_RECORD, STEP_PASSED, STEP_GAP, STEP_DAMAGED, STEP_FAILED, STEP_ELSEWHERE };

struct follow *follow_new(const struct follow_settings *settings)
{
    struct follow *f = calloc(1, sizeof *f);
    BUG_IF(f == NULL);
    f->magic = FOLLOW_MAGIC;
    f->settings = *settings;
    f->first = malloc(ARENA_FIRST);
    BUG_IF(f->first == NULL);
    arena_init(&f->arena, f->first, ARENA_FIRST, 2 * SEGMENT_RECORD_MOST);
    return f;
}

static void leave_segment(struct follow *f)
{
    if (f->reading)
        segment_close(&f->reader);
    f->reading = false;
}

void follow_free(struct follow *f)
{
    CHECK(f, FOLLOW);
    leave_segment(f);
    holds_fini(&f->open);
    places_fini(&f->places);
    arena_fini(&f->arena);
    free(f->first);
    f->magic = 0;
    free(f);
}

/* The first segment from `least` on, with its name; 0: there is none. -1 in *failed where the folder cannot be read. */
static uint64_t find_segment(const struct follow *f, uint64_t least, char name[NAME_MOST], struct fail *fail,
                             bool *failed)
{
    struct segment_files files;
    struct arena names;
    uint64_t number = 0;
    arena_init(&names, NULL, 0, 256 << 20);
    *failed = segment_list(f->settings.folder, &names, &files, fail) < 0;
    for (size_t i = 0; !*failed && number == 0 && i < files.count; i++)
        if (segment_number(files.names[i]) >= least) {
            number = segment_number(files.names[i]);
            snprintf(name, NAME_MOST, "%s", files.names[i]);
        }
    arena_fini(&names);
    return number;
}

static void seek(struct follow *f, uint64_t offset)
{
    buf_truncate(&f->reader.held, 0);
    f->reader.offset = offset;
    f->reader.lent = 0;
    f->reader.at_end = f->reader.failed = false;
    if (lseek(f->reader.fd, (off_t)offset, SEEK_SET) < 0)
        f->reader.failed = true;
}

static int enter_segment(struct follow *f, uint64_t number, struct fail *fail)
{
    leave_segment(f);
    if (segment_open(&f->reader, f->settings.folder, f->name, fail) < 0)
        return -1;
    f->reading = true;
    f->looked = false;
    f->segment = number;
    f->in_file = 0;
    return 0;
}

/* The segment that settings.from names, at its place; the oldest one where that is not there any more. 1; 0: there is none yet. */
static int begin(struct follow *f, struct fail *fail)
{
    const struct follow_place *from = &f->settings.from;
    bool failed;
    uint64_t number = find_segment(f, from->segment, f->name, fail, &failed);
    if (number != from->segment || from->segment == 0) {
        f->settings.from.segment = 0;
        number = failed ? 0 : find_segment(f, 0, f->name, fail, &failed);
    }
    if (failed || number == 0)
        return failed ? -1 : 0;
    if (enter_segment(f, number, fail) < 0)
        return -1;
    f->positioned = f->settings.from.segment != 0 && f->settings.from.offset != 0;
    if (f->positioned) {
        seek(f, from->offset);
        f->in_file = f->seen = from->number;
    }
    return 1;
}

/* The place does not fit this journal: all of it is read. */
static void begin_anew(struct follow *f)
{
    leave_segment(f);
    holds_fini(&f->open);
    places_fini(&f->places);
    f->settings.from = (struct follow_place){ 0 };
    f->segment = f->in_file = f->seen = 0;
    f->positioned = false;
}

/* Is what is wrong here passed over? */
static bool passes(struct follow *f)
{
    bool is_known = f->seen < f->settings.judged;
    f->damages += f->settings.accept_gap && !is_known;
    return f->settings.accept_gap || is_known;
}

static enum step damaged(const struct follow *f, struct fail *fail, const char *what, uint64_t first, uint64_t last)
{
    fail_set(fail, FAIL_OPERATOR,
             "%s, byte %" PRIu64 ": %s (records %" PRIu64 " to %" PRIu64
             "). `llm-gateway ledger verify` shows all damage; `serve --accept-gap` goes on without what is lost",
             f->name, f->reader.offset, what, first, last);
    return STEP_DAMAGED;
}

static struct follow_place here(const struct follow *f, uint64_t number)
{
    return (struct follow_place){ f->segment, f->reader.offset, number };
}

static enum step take_open(struct follow *f, const struct record *open, struct fail *fail)
{
    const struct text *carried = open->carried.items;
    bool first = f->seen == 0 || f->positioned;
    f->positioned = false;
    f->in_file = open->number;
    if (!first && open->number > f->seen && !open->gap && !passes(f))
        return damaged(f, fail, "records are missing before it", f->seen, open->number - 1);
    uint64_t wanted = f->settings.next > 1 ? f->settings.next : 1;
    f->damages += first && open->number > wanted;
    if (first && open->number > wanted && !f->settings.accept_gap) {
        fail_set(fail, FAIL_OPERATOR,
                 "the records %" PRIu64 " to %" PRIu64
                 " are gone from the ledger's journal in %s, which begins with %s",
                 wanted, open->number - 1, f->settings.folder, f->name);
        return STEP_GAP;
    }
    for (size_t i = 0; first && i < open->carried.count; i++) {
        struct record hold;
        const char *why;
        if (record_read(carried[i], &f->arena, &hold, &why) == 0 && holds_put(&f->open, hold.number, carried[i]))
            places_put(&f->places, hold.number, here(f, open->number));
    }
    if (open->number > f->seen)
        f->seen = open->number;
    return STEP_PASSED;
}

/* The END's HOLD is copied out of the table, which forgets it. */
static void take_end(struct follow *f, struct follow_item *item)
{
    struct text bytes = holds_get(&f->open, item->record.hold);
    const char *why;
    if (bytes.ptr == NULL)
        return;
    item->has_hold = record_read(arena_text(&f->arena, bytes), &f->arena, &item->hold, &why) == 0;
    holds_remove(&f->open, item->record.hold);
}

static enum step take_record(struct follow *f, struct follow_item *item, struct fail *fail)
{
    const struct record *record = &item->record;
    if (f->positioned && record->number != f->settings.from.number)
        return STEP_ELSEWHERE;
    f->positioned = false;
    if (record->number != f->in_file && !passes(f))
        return damaged(f, fail, "a record is not the one that should stand here", f->in_file, record->number);
    f->in_file = record->number + 1;
    if (record->number < f->seen) /* written again after a sync that failed */
        return STEP_PASSED;
    f->seen = record->number + 1;
    if (record->type == RECORD_HOLD && holds_put(&f->open, record->number, item->bytes))
        places_put(&f->places, record->number, here(f, record->number));
    else if (record->type == RECORD_END)
        take_end(f, item);
    return record->number < f->settings.next ? STEP_PASSED : STEP_RECORD;
}

static enum step take_frame(struct follow *f, struct follow_item *item, struct text bytes, struct fail *fail)
{
    const char *why;
    arena_reset(&f->arena);
    *item = (struct follow_item){ .bytes = bytes };
    if (record_read(bytes, &f->arena, &item->record, &why) < 0) {
        if (f->positioned)
            return STEP_ELSEWHERE;
        fail_set(fail, FAIL_OPERATOR,
                 "%s, byte %" PRIu64
                 ": %s. Use a version of llm-gateway that is at least as new as the one that wrote it",
                 f->name, f->reader.offset, why);
        return STEP_FAILED;
    }
    if (item->record.type == RECORD_MARK)
        return STEP_PASSED;
    if (item->record.type != RECORD_OPEN)
        return take_record(f, item, fail);
    if (f->positioned && item->record.number != f->settings.from.number)
        return STEP_ELSEWHERE;
    return take_open(f, &item->record, fail);
}

/* A segment whose file could not be finished is taken away again, and its number given to another. */
static bool is_unlinked(const struct follow *f)
{
    struct stat st;
    return fstat(f->reader.fd, &st) == 0 && st.st_nlink == 0;
}

/* The file's end, whole or torn. FOLLOW_RECORD: go on reading. A file that another stands behind is over, but what was written to it
 * before the other was seen is still read. */
static enum follow_next at_end(struct follow *f, bool is_damaged, struct fail *fail)
{
    char name[NAME_MOST];
    bool failed;
    uint64_t next = find_segment(f, f->segment + 1, name, fail, &failed);
    if (failed)
        return FOLLOW_FAILED;
    if (is_unlinked(f)) {
        fail_set(fail, FAIL_OPERATOR, "%s was removed while it was read", f->name);
        return FOLLOW_FAILED;
    }
    uint64_t offset = f->reader.offset + f->reader.lent;
    seek(f, offset);
    if ((next != 0 || is_damaged) && !f->looked) {
        f->looked = true;
        return FOLLOW_RECORD;
    }
    if (is_damaged && !passes(f)) {
        damaged(f, fail, "what stands here is not what was written", f->in_file, f->in_file);
        return FOLLOW_DAMAGED;
    }
    f->looked = false;
    if (next == 0)
        return f->seen < f->settings.next ? FOLLOW_BEYOND : FOLLOW_WAIT;
    f->positioned = false; /* the place was the end of its file */
    if (f->settings.sync && follow_sync(f, fail) < 0)
        return FOLLOW_FAILED;
    snprintf(f->name, sizeof f->name, "%s", name);
    return enter_segment(f, next, fail) < 0 ? FOLLOW_FAILED : FOLLOW_RECORD;
}

static enum follow_next say_beyond(const struct follow *f, enum follow_next next, struct fail *fail)
{
    if (next == FOLLOW_BEYOND)
        fail_set(fail, FAIL_OPERATOR,
                 "the ledger's journal in %s ends before record %" PRIu64 ", which was there when it was read last",
                 f->settings.folder, f->settings.next - 1);
    return next;
}

enum follow_next follow_next(struct follow *f, struct follow_item *item, struct fail *fail)
{
    static const enum follow_next ends[] = {
        [STEP_GAP] = FOLLOW_GAP, [STEP_DAMAGED] = FOLLOW_DAMAGED, [STEP_FAILED] = FOLLOW_FAILED
    };
    CHECK(f, FOLLOW);
    for (;;) {
        struct text bytes;
        int begun = f->reading ? 1 : begin(f, fail);
        if (begun <= 0)
            return begun < 0 ? FOLLOW_FAILED : say_beyond(f, f->settings.next > 1 ? FOLLOW_BEYOND : FOLLOW_WAIT, fail);
        enum segment_next frame = segment_next(&f->reader, &bytes);
        if (f->positioned && (frame == SEGMENT_TORN || frame == SEGMENT_CORRUPT)) {
            begin_anew(f);
            continue;
        }
        if (frame != SEGMENT_RECORD) {
            enum follow_next end = at_end(f, frame == SEGMENT_CORRUPT, fail);
            if (end != FOLLOW_RECORD)
                return say_beyond(f, end, fail);
            continue;
        }
        f->looked = false;
        enum step step = take_frame(f, item, bytes, fail);
        if (step == STEP_RECORD)
            return FOLLOW_RECORD;
        if (step == STEP_ELSEWHERE)
            begin_anew(f);
        else if (step != STEP_PASSED)
            return ends[step];
    }
}

struct follow_place follow_place(struct follow *f)
{
    struct follow_place place;
    if (places_first(&f->places, &f->open, &place))
        return place;
    if (!f->reading)
        return f->settings.from;
    return (struct follow_place){ f->segment, f->reader.offset + f->reader.lent,
                                  f->in_file != 0 ? f->in_file : f->seen };
}

uint64_t follow_number(const struct follow *f)
{
    return f->seen > 0 ? f->seen : 1;
}

uint64_t follow_damages(const struct follow *f)
{
    return f->damages;
}

const struct holds *follow_holds(const struct follow *f)
{
    return &f->open;
}

int follow_sync(struct follow *f, struct fail *fail)
{
    if (!f->reading || fdatasync(f->reader.fd) == 0)
        return 0;
    return fail_set(fail, FAIL_OPERATOR, "%s/%s cannot be synced: %s", f->settings.folder, f->name, strerror(errno));
}

uint64_t follow_oldest(const char *folder, struct fail *fail)
{
    struct follow_settings settings = { .folder = folder, .accept_gap = true };
    struct follow *f = follow_new(&settings);
    struct record open;
    struct text bytes;
    const char *why;
    int begun = begin(f, fail);
    uint64_t number = begun < 0 ? 0 : 1;
    if (begun > 0 && segment_next(&f->reader, &bytes) == SEGMENT_RECORD &&
        record_read(bytes, &f->arena, &open, &why) == 0)
        number = open.number;
    follow_free(f);
    return number;
}
