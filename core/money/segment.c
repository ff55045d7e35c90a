/* segment.c - names and frames. */
#include "money/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/uuid.h"

#define SUFFIX ".journal"
enum { DIGITS = 8, FILES_MOST = 1 << 20, READ = 1 << 18 };

static void store32(uint32_t value, unsigned char *out)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static uint32_t load32(const char *bytes)
{
    const unsigned char *p = (const unsigned char *)bytes;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Over the length too: a length that was changed would else make another record of the same bytes. */
static uint32_t checksum(const char *length, struct text record)
{
    return crc32c(crc32c(0, (struct text){ length, 4 }), record);
}

int segment_frame(struct text record, struct buf *out)
{
    unsigned char head[SEGMENT_FRAME];
    BUG_IF(record.len == 0 || record.len > SEGMENT_RECORD_MOST);
    store32((uint32_t)record.len, head);
    store32(checksum((const char *)head, record), head + 4);
    if (buf_append(out, head, sizeof head) < 0)
        return -1;
    return buf_text(out, record);
}

const char *segment_name(struct arena *arena, uint64_t number, const char *boot)
{
    return arena_printf(arena, "%0*llu-%s" SUFFIX, DIGITS, (unsigned long long)number, boot);
}

uint64_t segment_number(const char *name)
{
    struct text rest = text_of(name);
    int64_t number;
    if (!text_ends(rest, TEXT(SUFFIX)))
        return 0;
    struct text digits = text_cut(&rest, '-');
    if (digits.len < DIGITS || rest.ptr == NULL || rest.len != UUID_TEXT_LEN + sizeof SUFFIX - 1 ||
        text_parse_u63(digits, &number) < 0)
        return 0;
    return (uint64_t)number;
}

static int by_number(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    uint64_t m = segment_number(x), n = segment_number(y);
    return m != n ? (m < n ? -1 : 1) : strcmp(x, y);
}

static void add(struct segment_files *files, struct arena *arena, const char *name)
{
    size_t n = files->count;
    if ((n & (n - 1)) == 0) {
        const char **more = arena_array(arena, const char *, n == 0 ? 1 : n * 2);
        if (n > 0)
            memcpy(more, files->names, n * sizeof *more);
        files->names = more;
    }
    files->names[files->count++] = arena_str(arena, text_of(name));
    if (segment_number(name) > files->last)
        files->last = segment_number(name);
}

int segment_list(const char *folder, struct arena *arena, struct segment_files *files, struct fail *fail)
{
    *files = (struct segment_files){ 0 };
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return fail_set(fail, FAIL_OPERATOR, "the ledger's folder %s cannot be read: %s", folder, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL && files->count < FILES_MOST;)
        if (segment_number(entry->d_name) > 0)
            add(files, arena, entry->d_name);
    closedir(dir);
    if (files->count > 0)
        qsort(files->names, files->count, sizeof *files->names, by_number);
    return 0;
}

/* Reads on until `want` bytes are held; fewer are at the end of the file. */
static void fill(struct segment_reader *r, size_t want)
{
    while (r->held.len < want && !r->at_end) {
        size_t room;
        char *to = buf_room(&r->held, want - r->held.len > READ ? want - r->held.len : READ, &room);
        ssize_t got = to != NULL ? read(r->fd, to, room) : -1;
        r->failed = r->failed || (got < 0 && errno != EINTR);
        if (got == 0 || r->failed)
            r->at_end = true;
        buf_added(&r->held, got > 0 ? (size_t)got : 0);
    }
}

static bool is_all_zero(struct text bytes, size_t most)
{
    for (size_t i = 0; i < bytes.len && i < most; i++)
        if (bytes.ptr[i] != '\0')
            return false;
    return true;
}

int segment_open(struct segment_reader *r, const char *folder, const char *name, struct fail *fail)
{
    struct text head = TEXT(SEGMENT_HEAD);
    char path[4096];

    *r = (struct segment_reader){ .fd = -1 };
    buf_init(&r->held, SEGMENT_RECORD_MOST + READ + SEGMENT_FRAME);
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return fail_set(fail, FAIL_OPERATOR, "the ledger's path is too long: %s", folder);
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "%s cannot be read: %s", path, strerror(errno));
    fill(r, head.len);
    struct text held = buf_view(&r->held);
    /* A file whose first line is not there yet was made and then the power failed: it holds nothing. */
    if (held.len < head.len && text_starts(head, held)) {
        r->at_end = true;
    } else if (is_all_zero(held, head.len)) { /* or the file had grown, and this page of it was never written */
        r->headless = true;
        return 0;
    } else if (!text_starts(held, head)) {
        segment_close(r);
        return fail_set(
            fail, FAIL_OPERATOR,
            "%s is no journal of this version (it should begin with \"%.*s\"): a newer program wrote it, or it is another file",
            path, (int)head.len - 1, head.ptr);
    }
    r->offset = held.len < head.len ? held.len : head.len;
    buf_consume(&r->held, (size_t)r->offset);
    return 0;
}

/* Where in these bytes, from `from` on, does a whole frame stand? Records begin with their type and number (record_fields.c). */
static bool find_frame(struct text bytes, size_t from, size_t *at, size_t *len)
{
    enum { TYPE = 0x02, NUMBER = 0x04, LEAST = SEGMENT_FRAME + 4 };
    for (size_t i = from; i + LEAST <= bytes.len; i++) {
        const char *frame = bytes.ptr + i;
        if (frame[SEGMENT_FRAME] != TYPE || frame[SEGMENT_FRAME + 2] != NUMBER)
            continue;
        *at = i;
        *len = load32(frame);
        if (*len == 0 || *len > bytes.len - i - SEGMENT_FRAME)
            continue;
        if (checksum(frame, (struct text){ frame + SEGMENT_FRAME, *len }) == load32(frame + 4))
            return true;
    }
    return false;
}

/* The end of a file may be torn, in any of its pages that were not synced: where whole frames stand behind, who reads must know
 * whether what is lost had been promised. */
static enum segment_next bad_frame(struct segment_reader *r)
{
    size_t at, len;
    fill(r, SEGMENT_RECORD_MOST + SEGMENT_FRAME);
    return r->failed || find_frame(buf_view(&r->held), 1, &at, &len) ? SEGMENT_CORRUPT : SEGMENT_TORN;
}

bool segment_seek(struct segment_reader *r, struct text *record)
{
    size_t at, len, from = r->lent > 0 ? r->lent : 1;
    fill(r, SEGMENT_RECORD_MOST + SEGMENT_FRAME);
    if (r->failed || !find_frame(buf_view(&r->held), from, &at, &len))
        return false;
    buf_consume(&r->held, at);
    r->offset += at;
    r->lent = SEGMENT_FRAME + len;
    *record = (struct text){ buf_view(&r->held).ptr + SEGMENT_FRAME, len };
    return true;
}

enum segment_next segment_next(struct segment_reader *r, struct text *record)
{
    buf_consume(&r->held, r->lent);
    r->offset += r->lent;
    r->lent = 0;
    fill(r, SEGMENT_FRAME);
    struct text held = buf_view(&r->held);
    if (r->failed)
        return SEGMENT_CORRUPT;
    if (r->headless)
        return bad_frame(r);
    if (held.len == 0)
        return SEGMENT_END;
    if (held.len < SEGMENT_FRAME)
        return SEGMENT_TORN;
    size_t len = load32(held.ptr);
    if (len == 0 || len > SEGMENT_RECORD_MOST)
        return bad_frame(r);
    fill(r, SEGMENT_FRAME + len);
    held = buf_view(&r->held);
    if (held.len < SEGMENT_FRAME + len)
        return bad_frame(r);
    *record = (struct text){ held.ptr + SEGMENT_FRAME, len };
    if (checksum(held.ptr, *record) != load32(held.ptr + 4))
        return bad_frame(r);
    r->lent = SEGMENT_FRAME + len;
    return SEGMENT_RECORD;
}

void segment_close(struct segment_reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    buf_free(&r->held);
}
