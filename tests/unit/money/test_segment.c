/* test_segment.c - names and frames of the journal's files, byte by byte, and what is found behind damage. */
#include "folder.h"
#include "money/record.h"
#include "money/segment.h"

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define HEAD_LEN (sizeof SEGMENT_HEAD - 1)

Test(segment, names_are_numbers_and_boots)
{
    static const struct {
        const char *name;
        uint64_t number;
    } cases[] = {
        { "00000001-" BOOT ".journal", 1 },
        { "12345678-" BOOT ".journal", 12345678 },
        { "123456789-" BOOT ".journal", 123456789 },
        { "0000001-" BOOT ".journal", 0 },
        { "00000001" BOOT ".journal", 0 },
        { "00000001-" BOOT ".journa", 0 },
        { "00000001-" BOOT ".journal.gz", 0 },
        { "00000001-" BOOT "0.journal", 0 },
        { "00000001-1.journal", 0 },
        { "0000000x-" BOOT ".journal", 0 },
        { "00000000-" BOOT ".journal", 0 },
        { ".journal", 0 },
        { "", 0 },
    };
    struct arena arena;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(segment_number(cases[i].name), cases[i].number, "%s", cases[i].name);
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert_str_eq(segment_name(&arena, 1, BOOT), "00000001-" BOOT ".journal");
    cr_assert_str_eq(segment_name(&arena, 123456789, BOOT), "123456789-" BOOT ".journal");
    arena_fini(&arena);
}

/* Written in another order, beside files that are none of them. */
Test(segment, files_are_listed_by_their_numbers)
{
    static const unsigned order[] = { 7, 100000000, 3, 12, 1, 9, 99999999, 5, 2, 11 },
                          sorted[] = { 1, 2, 3, 5, 7, 9, 11, 12, 99999999, 100000000 };
    struct folder f;
    struct arena arena;
    struct fail fail;
    struct segment_files files;
    char path[512];
    folder_make(&f);
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert_eq(segment_list(f.path, &arena, &files, &fail), 0);
    cr_assert(files.count == 0 && files.last == 0);
    for (size_t i = 0; i < 10; i++) {
        snprintf(path, sizeof path, "%s/%08u-" BOOT ".journal", f.path, order[i]);
        folder_write(path, "", 0);
    }
    snprintf(path, sizeof path, "%s/lock", f.path);
    folder_write(path, "", 0);
    snprintf(path, sizeof path, "%s/00000003-a0234567-89ab-cdef-0123-456789abcdef.journal",
             f.path); /* of another run */
    folder_write(path, "", 0);
    cr_assert_eq(segment_list(f.path, &arena, &files, &fail), 0);
    cr_assert(files.count == 11 && files.last == 100000000);
    for (size_t i = 0, k = 0; i < 10; i++, k++) {
        cr_assert_eq(segment_number(files.names[k]), sorted[i], "%zu", i);
        if (sorted[i] == 3)
            cr_assert_eq(segment_number(files.names[++k]), 3);
    }
    cr_assert(files.names[2][9] == '0' && files.names[3][9] == 'a'); /* of one number, by name */
    folder_remove(&f);
    cr_assert_eq(segment_list(f.path, &arena, &files, &fail), -1);
    cr_assert(strstr(fail.text, f.path) != NULL, "%s", fail.text);
    arena_fini(&arena);
}

/* CRC-32C by its definition, bit by bit. */
static uint32_t crc(const char *bytes, size_t len)
{
    uint32_t value = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        value ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0x82f63b78 : 0);
    }
    return ~value;
}

Test(segment, a_frame_is_a_length_a_checksum_and_the_record)
{
    static const size_t lengths[] = { 1, 255, 256, 258, 70000 };
    static char record[70000], summed[70004];
    for (size_t i = 0; i < sizeof record; i++)
        record[i] = (char)(i * 7);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i];
        struct buf out;
        buf_init(&out, 1 << 20);
        cr_assert_eq(segment_frame((struct text){ record, len }, &out), 0);
        const unsigned char *at = (const unsigned char *)buf_view(&out).ptr;
        cr_assert_eq(out.len, len + 8);
        for (size_t k = 0; k < 4; k++)
            cr_assert_eq(at[k], (unsigned char)(len >> 8 * k), "%zu", len);
        memcpy(summed, at, 4);
        memcpy(summed + 4, record, len);
        for (size_t k = 0; k < 4; k++)
            cr_assert_eq(at[4 + k], (unsigned char)(crc(summed, len + 4) >> 8 * k), "%zu", len);
        cr_assert_eq(memcmp(at + 8, record, len), 0);
        buf_free(&out);
    }
}

/* A ROW of about so many bytes. */
static struct text row(uint64_t number, size_t bytes, struct buf *room)
{
    static char raw[2000];
    memset(raw, 'r', sizeof raw);
    struct record record = { .type = RECORD_ROW,
                             .number = number,
                             .unix_ms = 1,
                             .request = TEXT("r"),
                             .admitted_ms = 1,
                             .raw = { raw, bytes } };
    buf_truncate(room, 0);
    cr_assert_eq(record_write(&record, room), 0);
    return buf_view(room);
}

struct file {
    struct folder folder;
    struct buf bytes, room;
    size_t places[700]; /* of each frame */
    char path[512];
};

static void file_make(struct file *f, unsigned rows, size_t bytes)
{
    folder_make(&f->folder);
    buf_init(&f->bytes, 4 << 20);
    buf_init(&f->room, 1 << 20);
    buf_str(&f->bytes, SEGMENT_HEAD);
    for (unsigned i = 0; i < rows; i++) {
        f->places[i] = f->bytes.len;
        cr_assert_eq(segment_frame(row(i + 1, bytes, &f->room), &f->bytes), 0);
    }
    f->places[rows] = f->bytes.len;
    snprintf(f->path, sizeof f->path, "%s/00000001-" BOOT ".journal", f->folder.path);
}

static void file_open(struct file *f, size_t len, struct segment_reader *r)
{
    struct fail fail;
    folder_write(f->path, buf_view(&f->bytes).ptr, len);
    cr_assert_eq(segment_open(r, f->folder.path, "00000001-" BOOT ".journal", &fail), 0, "%s", fail.text);
}

static void file_free(struct file *f)
{
    buf_free(&f->bytes);
    buf_free(&f->room);
    folder_remove(&f->folder);
}

/* More than what is read at once. */
Test(segment, all_frames_of_a_long_file_come)
{
    struct file f;
    struct segment_reader r;
    struct text record;
    file_make(&f, 600, 1500);
    cr_assert_gt(f.bytes.len, 3 << 18);
    file_open(&f, f.bytes.len, &r);
    for (unsigned i = 0; i < 600; i++) {
        cr_assert_eq(segment_next(&r, &record), SEGMENT_RECORD, "%u", i);
        cr_assert(text_eq(record, row(i + 1, 1500, &f.room)) && r.offset == f.places[i], "%u", i);
    }
    cr_assert_eq(segment_next(&r, &record), SEGMENT_END);
    cr_assert_eq(r.offset, f.bytes.len);
    segment_close(&r);
    file_free(&f);
}

/* One that is larger than what is read at once, between others. */
Test(segment, a_long_record_comes_whole)
{
    static char record[700000];
    struct file f;
    struct segment_reader r;
    struct text found;
    for (size_t i = 0; i < sizeof record; i++)
        record[i] = (char)(i * i >> 3);
    file_make(&f, 1, 5);
    cr_assert_eq(segment_frame((struct text){ record, sizeof record }, &f.bytes), 0);
    cr_assert_eq(segment_frame(row(2, 5, &f.room), &f.bytes), 0);
    file_open(&f, f.bytes.len, &r);
    cr_assert_eq(segment_next(&r, &found), SEGMENT_RECORD);
    cr_assert_eq(segment_next(&r, &found), SEGMENT_RECORD);
    cr_assert(text_eq(found, (struct text){ record, sizeof record }) && r.offset == f.places[1]);
    cr_assert_eq(segment_next(&r, &found), SEGMENT_RECORD);
    cr_assert(text_eq(found, row(2, 5, &f.room)) && r.offset == f.places[1] + 8 + sizeof record);
    cr_assert_eq(segment_next(&r, &found), SEGMENT_END);
    segment_close(&r);
    file_free(&f);
}

Test(segment, each_place_at_which_a_file_ends_is_torn_or_whole)
{
    struct file f;
    file_make(&f, 3, 5);
    for (size_t len = 0; len <= f.bytes.len; len++) {
        struct segment_reader r;
        struct text record;
        enum segment_next next;
        unsigned whole = 0, expected = 0;
        file_open(&f, len, &r);
        while ((next = segment_next(&r, &record)) == SEGMENT_RECORD)
            whole++;
        while (expected < 3 && f.places[expected + 1] <= len)
            expected++;
        cr_assert_eq(whole, expected, "%zu", len);
        bool ends = len < HEAD_LEN || len == f.places[expected]; /* a head that is cut is the beginning of nothing */
        cr_assert_eq(next, ends ? SEGMENT_END : SEGMENT_TORN, "%zu", len);
        segment_close(&r);
    }
    file_free(&f);
}

/* One byte is another: whole frames behind it are found again. */
Test(segment, each_part_of_a_frame_counts)
{
    struct file f;
    file_make(&f, 3, 5);
    for (size_t at = HEAD_LEN; at < f.bytes.len; at++) {
        struct segment_reader r;
        struct text record;
        unsigned damaged = at < f.places[1] ? 0 : at < f.places[2] ? 1 : 2;
        size_t of_frame = at - f.places[damaged], last = f.places[damaged + 1] - f.places[damaged] - 1;
        if (of_frame != last && of_frame != 0 && of_frame != 3 && of_frame != 4 && of_frame != 7 && of_frame != 10)
            continue; /* of the length, the checksum and the record a byte or two: a look behind damage takes long */
        f.bytes.ptr[f.bytes.start + at] ^= 0x10;
        file_open(&f, f.bytes.len, &r);
        for (unsigned i = 0; i < damaged; i++)
            cr_assert_eq(segment_next(&r, &record), SEGMENT_RECORD);
        cr_assert_eq(segment_next(&r, &record), damaged < 2 ? SEGMENT_CORRUPT : SEGMENT_TORN, "%zu", at);
        for (unsigned i = damaged + 1; i < 3; i++) {
            cr_assert(segment_seek(&r, &record), "%zu", at);
            cr_assert(text_eq(record, row(i + 1, 5, &f.room)) && r.offset == f.places[i], "%zu", at);
        }
        cr_assert_not(segment_seek(&r, &record));
        segment_close(&r);
        f.bytes.ptr[f.bytes.start + at] ^= 0x10;
    }
    file_free(&f);
}

/* What only looks like a frame is passed over. */
Test(segment, two_damaged_frames_hide_no_third_one)
{
    struct file f;
    struct segment_reader r;
    struct text record;
    file_make(&f, 4, 5);
    f.bytes.ptr[f.bytes.start + f.places[1] - 1] ^= 1;
    f.bytes.ptr[f.bytes.start + f.places[2] - 1] ^= 1;
    file_open(&f, f.bytes.len, &r);
    cr_assert_eq(segment_next(&r, &record), SEGMENT_CORRUPT);
    cr_assert(segment_seek(&r, &record) && text_eq(record, row(3, 5, &f.room)) && r.offset == f.places[2]);
    cr_assert_eq(segment_next(&r, &record), SEGMENT_RECORD, "from there on it is read as any other");
    cr_assert(text_eq(record, row(4, 5, &f.room)) && r.offset == f.places[3]);
    cr_assert_not(segment_seek(&r, &record));
    segment_close(&r);
    file_free(&f);
}

Test(segment, what_has_another_head_is_refused)
{
    struct file f;
    struct segment_reader r;
    struct fail fail;
    struct text record;
    char expected[1024];
    file_make(&f, 2, 5);
    f.bytes.ptr[f.bytes.start + HEAD_LEN - 2] = '2';
    folder_write(f.path, buf_view(&f.bytes).ptr, f.bytes.len);
    cr_assert_eq(segment_open(&r, f.folder.path, "00000001-" BOOT ".journal", &fail), -1);
    snprintf(
        expected, sizeof expected,
        "%s is no journal of this version (it should begin with \"llm-gateway journal 1\"): a newer program wrote it, or "
        "it is another file",
        f.path);
    cr_assert_str_eq(fail.text, expected);
    memset(f.bytes.ptr + f.bytes.start, 0, HEAD_LEN); /* a page that was never written */
    file_open(&f, f.bytes.len, &r);
    cr_assert_eq(segment_next(&r, &record), SEGMENT_CORRUPT);
    cr_assert(segment_seek(&r, &record) && text_eq(record, row(1, 5, &f.room)));
    segment_close(&r);
    cr_assert_eq(segment_open(&r, f.folder.path, "nothing", &fail), -1);
    cr_assert(strstr(fail.text, "/nothing cannot be read: No such file") != NULL, "%s", fail.text);
    file_free(&f);
}
