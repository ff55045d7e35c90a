/* test_record.c - records of the journal: what is written is read back, and nothing else passes for a record. */
#include "base/crc32c.h"
#include "base/simd.h"
#include "check.h"
#include "money/record.h"

static struct record full(struct record_line *line, struct record_account *account)
{
    *account = (struct record_account){ .kind = TEXT("team"),
                                        .id = TEXT("support"),
                                        .per = TEXT("month"),
                                        .begins_s = 1764547200,
                                        .limit = 5000000000,
                                        .ceiling = INT64_MAX,
                                        .number = 7,
                                        .strict = 1 };
    *line = (struct record_line){ .unit = TEXT("input"),
                                  .priced_as = TEXT("output"),
                                  .quantity = INT64_MAX,
                                  .price = 1,
                                  .cost = 123,
                                  .model = TEXT("m"),
                                  .tier = TEXT("") };
    return (struct record){ .type = RECORD_HOLD,
                            .number = UINT64_MAX,
                            .unix_ms = INT64_MIN,
                            .request = TEXT("r\xc3\xa9q"),
                            .attempt = 3,
                            .team = TEXT("support"),
                            .provider = TEXT("p"),
                            .accounts = { account, 1 },
                            .hard = INT64_MAX,
                            .soft = -1,
                            .admitted_ms = 1,
                            .lines = { line, 1 },
                            .ending = ENDING_DOUBT,
                            .source = SOURCE_COUNTED,
                            .final = 1,
                            .raw = TEXT("{\"a\":1}") };
}

Test(record, is_read_as_it_was_written)
{
    struct record_line line;
    struct record_account account;
    struct record wrote = full(&line, &account), got;
    struct arena arena;
    struct buf bytes;
    const char *why = NULL;

    buf_init(&bytes, 1 << 16);
    arena_init(&arena, NULL, 0, 1 << 16);
    cr_assert_eq(record_write(&wrote, &bytes), 0);
    cr_assert_eq(record_read(buf_view(&bytes), &arena, &got, &why), 0, "%s", why);
    cr_assert_eq(got.number, UINT64_MAX);
    cr_assert_eq(got.unix_ms, INT64_MIN);
    cr_assert_eq(got.hard, INT64_MAX);
    cr_assert_eq(got.soft, -1);
    cr_assert(text_is(got.request, "r\xc3\xa9q"));
    cr_assert_null(got.key.ptr); /* absent, not empty */
    cr_assert_eq(got.accounts.count, 1);
    const struct record_account *a = got.accounts.items;
    cr_assert(text_is(a->id, "support") && a->ceiling == INT64_MAX && a->number == 7 && a->strict == 1 &&
              a->begins_s == 1764547200);
    cr_assert_eq(got.lines.count, 1);
    const struct record_line *l = got.lines.items;
    cr_assert(text_is(l->priced_as, "output") && l->quantity == INT64_MAX && l->cost == 123 && l->tier.ptr != NULL &&
              l->tier.len == 0);
    cr_assert(got.ending == ENDING_DOUBT && got.source == SOURCE_COUNTED && got.final == 1);
    cr_assert(text_is(got.raw, "{\"a\":1}"));
    arena_fini(&arena);
    buf_free(&bytes);
}

/* The bytes of a record are the contract with every later version: these were written by the first one. */
Test(record, keeps_its_bytes)
{
    static const unsigned char golden[] = { 0x02, 0x03, 0x04, 0x05, 0x06, 0xd0, 0x0f, 0x50, 0x04, 0x52, 0x01,
                                            0x54, 0x01, 0x58, 0x01, 0x5b, 0x89, 0x80, 0x80, 0x00, 0x03, 0x01,
                                            'i',  0x06, 0x02, 0x08, 0x04, 0x0a, 0x06, 0x5c, 0x06 };
    struct record_line line = { .unit = TEXT("i"), .quantity = 1, .price = 2, .cost = 3 };
    struct record end = { .type = RECORD_END,
                          .number = 5,
                          .unix_ms = 1000,
                          .hold = 4,
                          .ending = ENDING_SETTLED,
                          .final = 1,
                          .source = SOURCE_REPORTED,
                          .lines = { &line, 1 },
                          .cost = 3 };
    struct buf bytes;
    buf_init(&bytes, 1 << 10);
    cr_assert_eq(record_write(&end, &bytes), 0);
    cr_assert_eq(bytes.len, sizeof golden, "%zu", bytes.len);
    cr_assert_eq(memcmp(buf_view(&bytes).ptr, golden, sizeof golden), 0);
    buf_free(&bytes);
}

/* Room is asked for in steps, also within a list: wherever one of them ends, the bytes are the same, and what does not fit is no record. */
Test(record, is_written_the_same_wherever_its_memory_ends)
{
    enum { LINES = 40, BEFORE = 700 };
    static char text[RECORD_TEXT_MOST], raw[RECORD_RAW_MOST];
    struct record_line lines[LINES], line;
    struct record_account account;
    struct record wrote = full(&line, &account), got;
    struct buf alone, out;
    struct arena arena;
    const char *why = NULL;
    memset(text, 'x', sizeof text);
    memset(raw, '1', sizeof raw);
    for (size_t i = 0; i < LINES; i++)
        lines[i] = (struct record_line){ .unit = { text, i * 7 }, .quantity = (int64_t)1 << i, .model = TEXT("m") };
    wrote.lines = (struct record_list){ lines, LINES };
    wrote.raw = (struct text){ raw, sizeof raw };
    wrote.tags = (struct text){ text, sizeof text };
    buf_init(&alone, 1 << 20);
    cr_assert_eq(record_write(&wrote, &alone), 0);
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert_eq(record_read(buf_view(&alone), &arena, &got, &why), 0, "%s", why);
    cr_assert_eq(got.lines.count, LINES);
    for (size_t before = 0; before < BEFORE; before += 13) {
        for (size_t lacking = 0; lacking < 2; lacking++) {
            buf_init(&out, before + alone.len + 32 - lacking * 40);
            cr_assert_eq(buf_append(&out, text, before < sizeof text ? before : sizeof text), 0);
            size_t from = out.len;
            out.max = from + alone.len + 32 - lacking * 40; /* a field may ask for some bytes more than it takes */
            cr_assert_eq(record_write(&wrote, &out), lacking > 0 ? -1 : 0, "%zu", before);
            if (lacking == 0)
                cr_assert(out.len - from == alone.len &&
                          memcmp(buf_view(&out).ptr + from, buf_view(&alone).ptr, alone.len) == 0);
            buf_free(&out);
        }
    }
    arena_fini(&arena);
    buf_free(&alone);
}

static int read_of(const char *bytes, size_t len, const char **why)
{
    struct record record;
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 16);
    int result = record_read((struct text){ bytes, len }, &arena, &record, why);
    arena_fini(&arena);
    return result;
}

Test(record, refuses_what_is_none)
{
    const char *why;
    cr_assert_eq(read_of("", 0, &why), -1);
    cr_assert_eq(read_of("\x02\x03\x04\x05\x06\x02\x50\x04\x52\x01", 10, &why), 0);
    cr_assert_eq(read_of("\x02\x03\x04\x05\x06\x02\x50\x04", 8, &why), -1);                  /* no ending */
    cr_assert_eq(read_of("\x02\x03\x04\x05\x06\x02\x50\x04\x52", 9, &why), -1);              /* cut */
    cr_assert_eq(read_of("\x02\x03\x04\x05\x06\x02\x50\x04\x52\x01\x52\x01", 12, &why), -1); /* twice */
    cr_assert_eq(read_of("\x02\x63\x04\x05\x06\x02", 6, &why), -1);                          /* a type of later */
    cr_assert_eq(read_of("\x02\x03\x04\x05\x06\x02\x50\x04\x52\x09", 10, &why), -1);         /* an ending of later */
    cr_assert_eq(read_of("\x02\x03\x04\x05\x06\x02\x50\x04\x52\x01\xf0\x07", 12, &why), 0);  /* a field of later: 120 */
    cr_assert_eq(read_of("\x02\x03\x04\x05\x06\x02\x50\x04\x52\x01\xf1\x02zz", 14, &why), 0);
    cr_assert_eq(read_of("\x02\x03\x04\x05\x06\x02\x50\x04\x52\x01\xf1\x03zz", 14, &why), -1);
    cr_assert_eq(read_of("\x02\x03\x05\x01"
                         "5\x06\x02\x50\x04\x52\x01",
                         11, &why),
                 -1); /* a number as bytes */
    cr_assert_eq(read_of("\x02\x03\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x06\x02\x50\x04\x52\x01", 19, &why),
                 -1);                                                                         /* over 64 bits */
    cr_assert_eq(read_of("\x02\x01\x04\x05\x06\x02\x08\x02\x0b\x01x\x0c\x01", 13, &why), -1); /* a format of later */
    cr_assert_not_null(strstr(why, "newer"));
}

Test(record, reads_no_byte_too_many_of_spoiled_ones)
{
    struct record_line line;
    struct record_account account;
    struct record wrote = full(&line, &account);
    struct buf bytes;
    const char *why;
    unsigned seed = 1;

    buf_init(&bytes, 1 << 16);
    cr_assert_eq(record_write(&wrote, &bytes), 0);
    for (unsigned turn = 0; turn < 20000; turn++) {
        size_t len = bytes.len;
        char *copy = malloc(len); /* the sanitizer sees what is beyond it */
        memcpy(copy, buf_view(&bytes).ptr, len);
        seed = seed * 1103515245 + 12345;
        copy[(seed >> 8) % len] = (char)(seed >> 20);
        if (turn % 3 == 0)
            len = (seed >> 4) % (len + 1);
        read_of(copy, len, &why);
        free(copy);
    }
    buf_free(&bytes);
}

Test(record, bounds_its_texts)
{
    char lots[RECORD_RAW_MOST + 2];
    memset(lots, 'x', sizeof lots);
    struct record row = { .type = RECORD_ROW,
                          .number = 1,
                          .unix_ms = 1,
                          .request = { lots, sizeof lots },
                          .admitted_ms = 1,
                          .raw = { lots, sizeof lots } },
                  got;
    struct arena arena;
    struct buf bytes;
    const char *why;

    buf_init(&bytes, 1 << 16);
    arena_init(&arena, NULL, 0, 1 << 16);
    cr_assert_eq(record_write(&row, &bytes), 0);
    cr_assert_eq(record_read(buf_view(&bytes), &arena, &got, &why), 0);
    cr_assert_eq(got.request.len, RECORD_TEXT_MOST);
    cr_assert_null(got.raw.ptr); /* half of a JSON text is none */
    arena_fini(&arena);
    buf_free(&bytes);
}

/* RFC 3720, appendix B.4, and "123456789" of the catalogue of CRCs. */
Test(crc32c, has_the_published_values)
{
    char zeros[32] = { 0 }, ones[32], rising[32];
    memset(ones, 0xff, sizeof ones);
    for (int i = 0; i < 32; i++)
        rising[i] = (char)i;
    for (int plain = 0; plain < 2; plain++) { /* by the processor's instruction, where it has one, and by tables */
        simd_force_plain(plain);
        cr_assert_eq(crc32c(0, TEXT("123456789")), 0xe3069283u);
        cr_assert_eq(crc32c(0, (struct text){ zeros, 32 }), 0x8a9136aau);
        cr_assert_eq(crc32c(0, (struct text){ ones, 32 }), 0x62a8ab43u);
        cr_assert_eq(crc32c(0, (struct text){ rising, 32 }), 0x46dd794eu);
        for (size_t cut = 0; cut <= 32; cut++)
            cr_assert_eq(crc32c(crc32c(0, (struct text){ rising, cut }), (struct text){ rising + cut, 32 - cut }),
                         0x46dd794eu);
    }
    simd_force_plain(false);
}

/* What a later version has written in the middle is passed over, and nothing behind it is lost. */
Test(record, reads_on_behind_a_field_that_it_does_not_know)
{
    struct record wrote = { .type = RECORD_HOLD,
                            .number = 5,
                            .unix_ms = 1,
                            .request = TEXT("r"),
                            .attempt = 2,
                            .team = TEXT("t"),
                            .provider = TEXT("p"),
                            .admitted_ms = 3,
                            .hard = 4 },
                  got;
    struct arena arena;
    struct buf bytes, more;
    const char *why = NULL;
    unsigned read = 0;
    buf_init(&bytes, 1 << 16);
    buf_init(&more, 1 << 16);
    cr_assert_eq(record_write(&wrote, &bytes), 0);
    struct text all = buf_view(&bytes);
    for (size_t at = 0; at <= all.len; at++) { /* where a field begins, and it can be read */
        struct text front = { all.ptr, at };
        buf_truncate(&more, 0);
        buf_text(&more, front);
        buf_append(&more, "\xfa\x01", 2); /* the tag 125, a number */
        buf_append(&more, all.ptr + at, all.len - at);
        arena_init(&arena, NULL, 0, 1 << 16);
        read += record_read(buf_view(&more), &arena, &got, &why) == 0 && got.number == 5 && text_is(got.request, "r") &&
                text_is(got.team, "t") && got.attempt == 2;
        arena_fini(&arena);
    }
    cr_assert_geq(read, 8u, "%u of the places where a field begins", read);
    buf_free(&more);
    buf_free(&bytes);
}
