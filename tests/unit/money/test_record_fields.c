/* test_record_fields.c - the fields of a record as they are on the disk and as they are shown: names, tags and kinds written by hand. */
#include "check.h"
#include "money/record_inside.h"

struct known {
    const char *name;
    uint8_t tag;
    enum field_kind kind;
};

static const struct known of_record[] = {
    { "type", 1, FIELD_WORD },
    { "number", 2, FIELD_UINT },
    { "time", 3, FIELD_TIME },
    { "format", 4, FIELD_UINT },
    { "boot", 5, FIELD_TEXT },
    { "segment", 6, FIELD_UINT },
    { "program", 7, FIELD_TEXT },
    { "book", 8, FIELD_TEXT },
    { "carried", 9, FIELD_LIST },
    { "balances", 10, FIELD_LIST },
    { "as_of", 11, FIELD_UINT },
    { "whole", 12, FIELD_FLAG },
    { "gap", 13, FIELD_FLAG },
    { "doubts", 14, FIELD_UINT },
    { "again", 15, FIELD_UINT },
    { "request", 16, FIELD_TEXT },
    { "attempt", 17, FIELD_UINT },
    { "team", 18, FIELD_TEXT },
    { "key", 19, FIELD_TEXT },
    { "project", 20, FIELD_TEXT },
    { "tags", 21, FIELD_TEXT },
    { "user", 22, FIELD_TEXT },
    { "session", 23, FIELD_TEXT },
    { "client", 24, FIELD_TEXT },
    { "face", 25, FIELD_TEXT },
    { "model", 26, FIELD_TEXT },
    { "provider", 27, FIELD_TEXT },
    { "upstream_model", 28, FIELD_TEXT },
    { "accounts", 29, FIELD_LIST },
    { "hard_usd", 30, FIELD_NANO },
    { "soft_usd", 31, FIELD_NANO },
    { "output_limit", 32, FIELD_UINT },
    { "admitted", 33, FIELD_TIME },
    { "target_of", 34, FIELD_LIST },
    { "hold", 40, FIELD_UINT },
    { "ending", 41, FIELD_WORD },
    { "final", 42, FIELD_FLAG },
    { "unpriced", 43, FIELD_FLAG },
    { "source", 44, FIELD_WORD },
    { "lines", 45, FIELD_LIST },
    { "cost_usd", 46, FIELD_NANO },
    { "doubt_usd", 47, FIELD_NANO },
    { "soft_doubt_usd", 48, FIELD_NANO },
    { "price", 49, FIELD_TEXT },
    { "outcome", 50, FIELD_TEXT },
    { "raw", 51, FIELD_RAW },
    { "duration_ms", 52, FIELD_INT },
    { "who", 53, FIELD_TEXT },
    { "why", 54, FIELD_TEXT },
    { "policies", 55, FIELD_RAW },
    { "cached", 56, FIELD_FLAG },
    { "saved_usd", 57, FIELD_NANO },
    { "account", 60, FIELD_ONE },
    { "delta_usd", 61, FIELD_NANO },
    { "generation", 62, FIELD_UINT },
};
static const struct known of_account[] = {
    { "kind", 1, FIELD_TEXT },    { "id", 2, FIELD_TEXT },           { "per", 3, FIELD_TEXT },
    { "begins_s", 4, FIELD_INT }, { "limit_usd", 5, FIELD_NANO },    { "ceiling_usd", 6, FIELD_NANO },
    { "number", 7, FIELD_UINT },  { "strict", 8, FIELD_FLAG },       { "zone", 9, FIELD_TEXT },
    { "ends_s", 10, FIELD_INT },  { "only_report", 11, FIELD_FLAG },
};
static const struct known of_balance[] = {
    { "kind", 1, FIELD_TEXT },           { "id", 2, FIELD_TEXT },        { "per", 3, FIELD_TEXT },
    { "begins_s", 4, FIELD_INT },        { "spent_usd", 5, FIELD_NANO }, { "doubt_usd", 6, FIELD_NANO },
    { "soft_doubt_usd", 7, FIELD_NANO }, { "number", 8, FIELD_UINT },    { "zone", 9, FIELD_TEXT },
};
static const struct known of_line[] = {
    { "unit", 1, FIELD_TEXT },      { "priced_as", 2, FIELD_TEXT }, { "quantity", 3, FIELD_INT },
    { "price_usd", 4, FIELD_NANO }, { "cost_usd", 5, FIELD_NANO },  { "model", 6, FIELD_TEXT },
    { "tier", 7, FIELD_TEXT },
};

static void compare(const struct field *fields, const struct known *known, size_t count)
{
    size_t n = 0;
    for (; fields[n].kind != FIELD_END; n++) {
        cr_assert_lt(n, count);
        cr_assert_str_eq(fields[n].name, known[n].name);
        cr_assert_eq(fields[n].tag, known[n].tag, "%s", known[n].name);
        cr_assert_eq(fields[n].kind, known[n].kind, "%s", known[n].name);
    }
    cr_assert_eq(n, count);
}

static const struct field *shape_of(const char *name)
{
    const struct field *f = record_fields;
    while (strcmp(f->name, name) != 0)
        f++;
    return f->shape;
}

/* A tag is never used for another thing: journals of each version are read by all later ones. */
Test(record_fields, names_and_tags)
{
    compare(record_fields, of_record, sizeof of_record / sizeof of_record[0]);
    compare(shape_of("accounts"), of_account, sizeof of_account / sizeof of_account[0]);
    compare(shape_of("account"), of_account, sizeof of_account / sizeof of_account[0]);
    compare(shape_of("balances"), of_balance, sizeof of_balance / sizeof of_balance[0]);
    compare(shape_of("lines"), of_line, sizeof of_line / sizeof of_line[0]);
    cr_assert_null(shape_of("carried"));
    static const char *const types[] = { "", "open", "hold", "end", "row", "late", "lease", "mark", "", "" };
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_str_eq(record_type_name(i), types[i]);
    cr_assert_str_eq(record_ending_name(ENDING_SETTLED), "settled");
    cr_assert_str_eq(record_ending_name(ENDING_VOID), "void");
    cr_assert_str_eq(record_ending_name(ENDING_DOUBT), "doubt");
    cr_assert_str_eq(record_ending_name(4), "");
    cr_assert_str_eq(record_source_name(SOURCE_REPORTED), "reported");
    cr_assert_str_eq(record_source_name(SOURCE_COUNTED), "counted");
    cr_assert_str_eq(record_source_name(SOURCE_ESTIMATED), "estimated");
    cr_assert_str_eq(record_source_name(4), "");
}

/* The record as JSON, after it was written to bytes and read again. */
static const char *shown(const struct record *in)
{
    static char text[4096];
    struct record out;
    struct arena arena;
    struct buf bytes, json;
    struct json_writer w;
    const char *why;
    arena_init(&arena, NULL, 0, 1 << 16);
    buf_init(&bytes, 1 << 16);
    buf_init(&json, sizeof text - 1);
    cr_assert_eq(record_write(in, &bytes), 0);
    cr_assert_eq(record_read(buf_view(&bytes), &arena, &out, &why), 0, "%s", why);
    json_writer_init(&w, &json);
    record_write_json(&out, &w);
    cr_assert_eq(json_end(&w), 0);
    snprintf(text, sizeof text, "%.*s", TEXT_ARG(buf_view(&json)));
    buf_free(&json);
    buf_free(&bytes);
    arena_fini(&arena);
    return text;
}

/* Every field has a value of its own: none stands in another's place. */
Test(record_fields, are_shown)
{
    struct record_account account = {
        TEXT("team"), TEXT("a"), TEXT("day"), 101, 102, 103, 104, 1, TEXT("UTC"), 105, 1
    };
    struct record_balance balance = {
        TEXT("key"), TEXT("b"), TEXT("week"), TEXT("Asia/Tokyo"), 201, 202, 203, 204, 205
    };
    struct record_line line = { TEXT("input"), TEXT("output"), 301, 302, 303, TEXT("m"), TEXT("flex") };
    struct text carried[2] = { TEXT("x"), TEXT("y") };
    struct record open = { .type = RECORD_OPEN,
                           .number = 1,
                           .unix_ms = 1500,
                           .format = 1,
                           .boot = TEXT("boot"),
                           .segment = 2,
                           .program = TEXT("0.1"),
                           .book = TEXT("digest"),
                           .carried = { carried, 2 },
                           .balances = { &balance, 1 },
                           .as_of = 3,
                           .whole = 1,
                           .gap = 1,
                           .doubts = 4,
                           .again = 5 };
    cr_assert_str_eq(
        shown(&open),
        "{\"type\":\"open\",\"number\":1,\"time\":\"1970-01-01T00:00:01.500Z\",\"format\":1,\"boot\":\"boot\","
        "\"segment\":2,\"program\":\"0.1\",\"book\":\"digest\",\"carried\":2,\"balances\":[{\"kind\":\"key\","
        "\"id\":\"b\",\"per\":\"week\",\"begins_s\":201,\"spent_usd\":\"0.000000202\",\"doubt_usd\":"
        "\"0.000000203\",\"soft_doubt_usd\":\"0.000000204\",\"number\":205,\"zone\":\"Asia/Tokyo\"}],"
        "\"as_of\":3,\"whole\":true,\"gap\":true,\"doubts\":4,\"again\":5}");
    struct record hold = { .type = RECORD_HOLD,
                           .number = 6,
                           .unix_ms = 1,
                           .request = TEXT("r"),
                           .attempt = 2,
                           .team = TEXT("t"),
                           .key = TEXT("k"),
                           .project = TEXT("x"),
                           .tags = TEXT("a=b"),
                           .user = TEXT("u"),
                           .session = TEXT("s"),
                           .client = TEXT("c"),
                           .face = TEXT("f"),
                           .model = TEXT("m"),
                           .provider = TEXT("p"),
                           .upstream_model = TEXT("um"),
                           .accounts = { &account, 1 },
                           .hard = 9,
                           .soft = 8,
                           .output_limit = 7,
                           .admitted_ms = 86400000 };
    cr_assert_str_eq(
        shown(&hold),
        "{\"type\":\"hold\",\"number\":6,\"time\":\"1970-01-01T00:00:00.001Z\",\"request\":\"r\",\"attempt\":2,"
        "\"team\":\"t\",\"key\":\"k\",\"project\":\"x\",\"tags\":\"a=b\",\"user\":\"u\",\"session\":\"s\","
        "\"client\":\"c\",\"face\":\"f\",\"model\":\"m\",\"provider\":\"p\",\"upstream_model\":\"um\","
        "\"accounts\":[{\"kind\":\"team\",\"id\":\"a\",\"per\":\"day\",\"begins_s\":101,\"limit_usd\":"
        "\"0.000000102\",\"ceiling_usd\":\"0.000000103\",\"number\":104,\"strict\":true,\"zone\":\"UTC\","
        "\"ends_s\":105,\"only_report\":true}],\"hard_usd\":\"0.000000009\",\"soft_usd\":\"0.000000008\","
        "\"output_limit\":7,\"admitted\":\"1970-01-02T00:00:00.000Z\"}");
    struct record end = { .type = RECORD_END,
                          .number = 7,
                          .unix_ms = 1,
                          .hold = 6,
                          .ending = ENDING_DOUBT,
                          .final = 1,
                          .unpriced = 1,
                          .source = SOURCE_COUNTED,
                          .lines = { &line, 1 },
                          .cost = 5,
                          .doubt = -4,
                          .soft_doubt = 3,
                          .price = TEXT("pr"),
                          .outcome = TEXT("ok"),
                          .raw = TEXT("{\"a\":1}"),
                          .duration_ms = 2,
                          .who = TEXT("w"),
                          .why = TEXT("y"),
                          .policies = TEXT("[{}]") };
    cr_assert_str_eq(
        shown(&end),
        "{\"type\":\"end\",\"number\":7,\"time\":\"1970-01-01T00:00:00.001Z\",\"hold\":6,\"ending\":\"doubt\","
        "\"final\":true,\"unpriced\":true,\"source\":\"counted\",\"lines\":[{\"unit\":\"input\",\"priced_as\":"
        "\"output\",\"quantity\":301,\"price_usd\":\"0.000000302\",\"cost_usd\":\"0.000000303\",\"model\":"
        "\"m\",\"tier\":\"flex\"}],\"cost_usd\":\"0.000000005\",\"doubt_usd\":\"-0.000000004\","
        "\"soft_doubt_usd\":\"0.000000003\",\"price\":\"pr\",\"outcome\":\"ok\",\"raw\":{\"a\":1},"
        "\"duration_ms\":2,\"who\":\"w\",\"why\":\"y\",\"policies\":[{}]}");
    end.raw = TEXT("{no JSON");
    cr_assert_not_null(strstr(shown(&end), "\"raw\":\"{no JSON\""));
    struct record lease = {
        .type = RECORD_LEASE, .number = 8, .unix_ms = 1, .account = account, .delta = 11, .generation = 12
    };
    cr_assert_str_eq(
        shown(&lease),
        "{\"type\":\"lease\",\"number\":8,\"time\":\"1970-01-01T00:00:00.001Z\",\"account\":{\"kind\":\"team\","
        "\"id\":\"a\",\"per\":\"day\",\"begins_s\":101,\"limit_usd\":\"0.000000102\",\"ceiling_usd\":"
        "\"0.000000103\",\"number\":104,\"strict\":true,\"zone\":\"UTC\",\"ends_s\":105,\"only_report\":true},"
        "\"delta_usd\":\"0.000000011\",\"generation\":12}");
}

/* Each way in which bytes are no record has words of its own. */
Test(record_fields, what_is_wrong)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *why;
    } cases[] = {
        { "", 0, "it has no type" },
        { "\x02\x07\x04\x05\x06\x02", 6, NULL },
        { "\x02\x07\x04\x05", 4, "a field is missing that its type needs" },
        { "\x02\x07\x04\x05\x06\x02\x06\x02", 8, "a field stands twice in it" },
        { "\x02\x07\x04\x05\x04\x05\x06\x02", 8, "a field stands twice in it" },
        { "\x02\x08\x04\x05\x06\x02", 6, "it has a word of a newer version of the program" },
        { "\x02\x07\x04\x05\x06\x02\x18\x02", 8, "it has a word of a newer version of the program" },
        { "\x02\x07\x04\x05\x06\x02\x18\x01", 8, NULL },
        { "\x02\x07\x04\x05\x06", 5, "a number in it is not one" },
        { "\x02\x07\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x06\x02", 15, "a number in it is not one" },
        { "\x02\x07\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x06\x02", 15, NULL },
        { "\x02\x07\x05\x01\x35\x06\x02", 7, "a field in it has the form of another" },
        { "\x02\x07\x04\x05\x06\x02\x24\x01", 8, "a field in it has the form of another" },
        { "\x02\x07\x04\x05\x06\x02\x25\x02\x78", 9, "a field in it is longer than the record" },
        { "\x02\x07\x04\x05\x06\x02\x25\x01\x78", 9, NULL },
        { "\x02\x07\x04\x05\x06\x02\xf0\x05\xf1\x01\x78", 11, NULL }, /* a tag of later */
        { "\x02\x01\x04\x05\x06\x02\x08\x02\x0b\x01x\x0c\x01", 13, "its format is newer than this program's" },
        { "\x02\x01\x04\x05\x06\x02\x08\x01\x0b\x01x\x0c\x01", 13, NULL },
        { "\x02\x07\x04\x05\x06\x02\x08\x02", 8, NULL }, /* only an OPEN has a format */
        { "\x02\x07\x04\x05\x06\x02\x5b\x02\x03\x05", 10,
          "a field in it is longer than the record" }, /* inside a line */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record record;
        struct arena arena;
        const char *why = NULL;
        arena_init(&arena, NULL, 0, 1 << 12);
        int result = record_read((struct text){ cases[i].bytes, cases[i].len }, &arena, &record, &why);
        cr_assert_eq(result, cases[i].why != NULL ? -1 : 0, "case %zu: %s", i, why);
        if (cases[i].why != NULL)
            cr_assert_str_eq(why, cases[i].why, "case %zu: %s", i, why);
        arena_fini(&arena);
    }
    /* More lines than there is memory for. */
    struct record_line lines[100] = { { .unit = TEXT("input") } };
    struct record row = {
        .type = RECORD_ROW, .number = 1, .unix_ms = 1, .request = TEXT("r"), .admitted_ms = 1, .lines = { lines, 100 }
    };
    struct record out;
    struct arena arena;
    struct buf bytes;
    char memory[1024];
    const char *why;
    buf_init(&bytes, 1 << 16);
    arena_init(&arena, memory, sizeof memory, sizeof memory);
    cr_assert_eq(record_write(&row, &bytes), 0);
    cr_assert_eq(record_read(buf_view(&bytes), &arena, &out, &why), -1);
    cr_assert_str_eq(why, "there is no memory to read it");
    arena_fini(&arena);
    buf_free(&bytes);
}

/* What does not fit is not written in part and taken for written. */
Test(record_fields, what_has_no_room)
{
    struct record_line line = { .unit = TEXT("input"), .quantity = 5 };
    struct record_account account = { .kind = TEXT("team"), .id = TEXT("a") };
    struct text carried = TEXT("xyz");
    const struct record all[] = {
        { .type = RECORD_ROW,
          .number = 1,
          .unix_ms = 1,
          .request = TEXT("r"),
          .admitted_ms = 1,
          .lines = { &line, 1 } },
        { .type = RECORD_LEASE, .number = 1, .unix_ms = 1, .account = account, .delta = 3 },
        { .type = RECORD_OPEN, .number = 1, .unix_ms = 1, .boot = TEXT("b"), .carried = { &carried, 1 } },
    };
    for (size_t i = 0; i < 3; i++) {
        struct buf bytes;
        buf_init(&bytes, 1 << 10);
        cr_assert_eq(record_write(&all[i], &bytes), 0);
        size_t len = bytes.len;
        buf_free(&bytes);
        for (size_t most = 1; most < len + 11; most++) { /* a number may ask for room for its longest */
            buf_init(&bytes, most);
            int result = record_write(&all[i], &bytes);
            cr_assert(result == -1 ? most < len + 10 : most >= len, "record %zu: %zu of %zu", i, most, len);
            cr_assert(result == -1 || bytes.len == len);
            buf_free(&bytes);
        }
    }
}

/* Each item of a list, in its order. */
Test(record_fields, lists_are_shown_in_their_order)
{
    struct record_line lines[] = { { .unit = TEXT("input"), .quantity = 1 },
                                   { .unit = TEXT("output"), .quantity = 2 },
                                   { .unit = TEXT("request"), .quantity = 3 } };
    struct record end = {
        .type = RECORD_END, .number = 2, .unix_ms = 1, .hold = 1, .ending = ENDING_SETTLED, .lines = { lines, 3 }
    };
    const char *text = shown(&end), *at = text;
    static const char *const units[] = { "\"unit\":\"input\"", "\"unit\":\"output\"", "\"unit\":\"request\"" };
    for (size_t i = 0; i < 3; i++) {
        at = strstr(at, units[i]);
        cr_assert_not_null(at, "%s: %s", units[i], text);
    }
}
