/* test_chunk.c - every byte that may stand at each place of a chunked body's framing, and every other one. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "upstream/chunk.h"

#define HEX "0123456789abcdefABCDEF"
#define TOKEN "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_text(int byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

/* A place: what leads there, and what may follow: these bytes, and with `text` all that a text may hold. */
static const struct {
    const char *before, *data; /* `data`: a chunk of that is reported in between */
    const char *after, *allowed;
    bool text;
} places[] = {
    { "", NULL, "", HEX, false },
    { "5", NULL, "", HEX ";\r", false },
    { "5;", NULL, "", TOKEN, false },
    { "5;a", NULL, "", TOKEN "=;\r", false },
    { "5;a=", NULL, "", TOKEN "\"", false },
    { "5;a=b", NULL, "", TOKEN ";\r", false },
    { "5;a=\"", NULL, "", "", true },
    { "5;a=\"b", NULL, "", "", true },
    { "5;a=\"\\", NULL, "", "", true },
    { "5;a=\"\\\"", NULL, "", "", true },
    { "5;a=\"b\"", NULL, "", ";\r", false },
    { "5;a=\"b\";", NULL, "", TOKEN, false },
    { "5;a;b", NULL, "", TOKEN "=;\r", false },
    { "5\r", NULL, "", "\n", false },
    { "5;a\r", NULL, "", "\n", false },
    { "5\r\n", "hello", "", "\r", false },
    { "5\r\n", "hello", "\r", "\n", false },
    { "5\r\n", "hello", "\r\n", HEX, false },
    { "0\r\n", NULL, "", TOKEN "\r", false },
    { "000\r\n", NULL, "", TOKEN "\r", false },
    { "0;a=b\r\n", NULL, "", TOKEN "\r", false },
    { "0\r\nA", NULL, "", TOKEN ":", false },
    { "0\r\nA:", NULL, "", "\r", true },
    { "0\r\nA: b", NULL, "", "\r", true },
    { "0\r\nA: b\r", NULL, "", "\n", false },
    { "0\r\nA: b\r\n", NULL, "", TOKEN "\r", false },
    { "0\r\n\r", NULL, "", "\n", false },
    { "0\r\n\r\n", NULL, "", "", false },
    { "5\r\n", NULL, "", "", false }, /* data is due */
    { "5\r\n", "hello", "\r\n0\r\n", TOKEN "\r", false },
};

static bool feed(struct chunk *c, const char *bytes)
{
    return chunk_framing(c, bytes, bytes + strlen(bytes));
}

Test(chunk, allows_at_each_place_what_the_grammar_does)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (int byte = 0; byte < 256; byte++) {
            struct chunk c;
            char one = (char)byte;
            bool good = (byte != 0 && strchr(places[i].allowed, byte) != NULL) || (places[i].text && is_text(byte));

            chunk_init(&c);
            cr_assert(feed(&c, places[i].before));
            if (places[i].data != NULL)
                cr_assert(chunk_data(&c, true));
            cr_assert(feed(&c, places[i].after));
            cr_assert_eq(chunk_framing(&c, &one, &one + 1), good, "byte %d after \"%s\"", byte, places[i].before);
            cr_assert_eq(chunk_ended(&c), good && strcmp(places[i].before, "0\r\n\r") == 0);
            if (!good)
                cr_assert_not(chunk_framing(&c, "5", "5" + 1), "it goes on after a bad byte");
        }
    }
}

Test(chunk, expects_data_where_it_is_due_and_nowhere_else)
{
    struct chunk c;

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        bool due = places[i].data == NULL && strcmp(places[i].before, "5\r\n") == 0;

        chunk_init(&c);
        cr_assert(feed(&c, places[i].before));
        if (places[i].data != NULL)
            chunk_data(&c, true);
        feed(&c, places[i].after);
        cr_assert_eq(chunk_data(&c, false), due, "after \"%s\"", places[i].before);
        cr_assert_not(chunk_ended(&c) && strcmp(places[i].before, "0\r\n\r\n") != 0);
    }
    /* In pieces: only the last one ends it. */
    chunk_init(&c);
    cr_assert(feed(&c, "5\r\n"));
    cr_assert(chunk_data(&c, false));
    cr_assert(chunk_data(&c, false));
    cr_assert(chunk_data(&c, true));
    cr_assert_not(chunk_data(&c, true));
    cr_assert(feed(&c, "\r\n0\r\n\r\n"));
    cr_assert(chunk_ended(&c));
    /* A zero in a size is no end. */
    chunk_init(&c);
    cr_assert(feed(&c, "10\r\n"));
    cr_assert(chunk_data(&c, true));
    chunk_init(&c);
    cr_assert(feed(&c, "01\r\n"));
    cr_assert(chunk_data(&c, true));
}

/* A size line of `len` bytes, its end included, of `size`. */
static bool feed_line(struct chunk *c, char size, size_t len)
{
    char *line = malloc(len);
    bool good;

    memset(line, 'x', len);
    memcpy(line, (char[]){ size, ';' }, 2);
    memcpy(line + len - 2, "\r\n", 2);
    good = chunk_framing(c, line, line + len);
    free(line);
    return good;
}

Test(chunk, limits_a_size_line_and_the_trailers)
{
    struct chunk c;

    chunk_init(&c);
    for (int i = 0; i < 3; i++) { /* each line by itself */
        cr_assert(feed_line(&c, '5', CHUNK_MAX_LINE));
        cr_assert(chunk_data(&c, true));
        cr_assert(feed(&c, "\r\n"));
    }
    cr_assert_not(feed_line(&c, '5', CHUNK_MAX_LINE + 1));
    chunk_init(&c);
    cr_assert_not(feed_line(&c, '0', CHUNK_MAX_LINE + 1));

    for (size_t more = 0; more < 2; more++) { /* all trailers together */
        size_t len = CHUNK_MAX_TRAILERS + more;
        char *bytes = malloc(len);

        memset(bytes, 'v', len);
        for (size_t at = 0; at + 1000 < len; at += 1000)
            memcpy(bytes + at, "A:", 2), memcpy(bytes + at + 998, "\r\n", 2);
        memcpy(bytes + len / 1000 * 1000, "A:", 2);
        memcpy(bytes + len - 4, "\r\n\r\n", 4);
        chunk_init(&c);
        cr_assert(feed(&c, "0\r\n"));
        cr_assert_eq(chunk_framing(&c, bytes, bytes + len), more == 0);
        cr_assert_eq(chunk_ended(&c), more == 0);
        free(bytes);
    }
}
