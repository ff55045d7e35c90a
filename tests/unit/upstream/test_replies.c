/* test_replies.c - what servers send in the test suites of curl and llhttp, as answers to us: 613 + 76.
 *
 * Each is served whole, cut after each line of its head, and held open at its end. Whatever comes, the
 * exchange ends once, in time, with an answer or a failure; and an answer is the right one. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "server.h"
#include "vectors.h"

enum { BATCH = 64 };

struct reply {
    struct text name, bytes;
    bool refused; /* by llhttp */
};

struct replies {
    struct reply *all;
    size_t count;
};

/* "GET /NUMBER/CUTS/HOLD": the reply with that number, in CUTS pieces more, held open or not. */
static void serve_reply(struct server_conn *conn)
{
    const struct replies *replies = conn->arg;
    unsigned number, cuts, hold;
    struct text bytes;
    char *head;

    if (!server_read(conn, &head, NULL, NULL))
        return;
    sscanf(head, "%*s /%u/%u/%u", &number, &cuts, &hold);
    free(head);
    bytes = replies->all[number].bytes;
    for (unsigned i = 0; i < cuts; i++) {
        const char *line = memchr(bytes.ptr, '\n', bytes.len);
        size_t len = line != NULL ? (size_t)(line - bytes.ptr) + 1 : bytes.len;

        if (!server_send(conn, (struct text){ bytes.ptr, len }))
            return;
        bytes.ptr += len;
        bytes.len -= len;
        server_sleep(2);
    }
    server_send(conn, bytes);
    if (hold)
        server_wait_close(conn);
}

/* --- an oracle that knows just enough --- */

static struct text header_of(struct text head, const char *name)
{
    struct text line;

    while (head.len > 0) {
        struct text value;

        line = text_cut(&head, '\n');
        value = line;
        if (text_eq_nocase(text_cut(&value, ':'), text_of(name))) {
            if (text_ends(value, TEXT("\r")))
                value.len--;
            return text_trim(value);
        }
    }
    return TEXT_NONE;
}

static bool unchunk(struct text rest, struct buf *out)
{
    for (;;) {
        char *end;
        size_t len = strtoul(rest.ptr, &end, 16);
        ptrdiff_t line = text_find(rest, TEXT("\r\n"));

        if (line < 0)
            return false;
        if (len == 0)
            return true;
        rest.ptr += line + 2;
        rest.len -= (size_t)line + 2;
        if (rest.len < len + 2)
            return false;
        buf_text(out, (struct text){ rest.ptr, len });
        rest.ptr += len + 2;
        rest.len -= len + 2;
    }
}

/* The body of the first final answer in `bytes`. False when this oracle does not know. */
static bool body_of(struct text bytes, struct buf *out)
{
    for (;;) {
        ptrdiff_t end = text_find(bytes, TEXT("\r\n\r\n"));
        struct text head, rest, length;
        int64_t number;

        if (end < 0)
            return false;
        head = (struct text){ bytes.ptr, (size_t)end + 2 };
        rest = (struct text){ bytes.ptr + end + 4, bytes.len - (size_t)end - 4 };
        if (head.ptr[9] == '1') {
            bytes = rest;
            continue;
        }
        if (text_starts((struct text){ head.ptr + 9, 3 }, TEXT("204")) ||
            text_starts((struct text){ head.ptr + 9, 3 }, TEXT("304")))
            return true;
        if (header_of(head, "Transfer-Encoding").ptr != NULL)
            return unchunk(rest, out);
        length = header_of(head, "Content-Length");
        if (length.ptr != NULL && text_parse_u63(length, &number) == 0) {
            if ((size_t)number > rest.len)
                return false;
            rest.len = (size_t)number;
        }
        buf_text(out, rest);
        return true;
    }
}

/* llhttp sees an error where we see an answer, with the reason why that is right. */
static const struct {
    const char *name;
    const char *reason;
} accepted[] = {
    { "HTTP/1.1 with keep-alive disabled and 204 status", "complete; what follows it is dropped with the connection" },
    { "HTTP/1.1 with keep-alive disabled, content-length", "complete; what follows it is dropped with the connection" },
};

static bool is_accepted(struct text name)
{
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        if (text_starts(name, text_of(accepted[i].name)))
            return true;
    return false;
}

/* --- running them --- */

struct tally {
    int ok, compared;
};

static void check_one(const struct reply *reply, struct exchange *e, struct tally *tally)
{
    struct buf body;

    cr_assert_eq(e->dones, 1, "%.*s", TEXT_ARG(reply->name));
    if (e->failure != TRANSFER_OK)
        return;
    tally->ok++;
    cr_assert(!reply->refused || is_accepted(reply->name), "%.*s: accepted", TEXT_ARG(reply->name));
    buf_init(&body, 1 << 20);
    if (body_of(reply->bytes, &body)) {
        tally->compared++;
        cr_assert(text_eq(buf_view(&body), buf_view(&e->body)), "%.*s: another body: %.*s", TEXT_ARG(reply->name),
                  TEXT_ARG(buf_view(&e->body)));
    }
    buf_free(&body);
}

/* Another spelling of the same host for each, so that none uses a connection that another has used: some
 * servers of these suites go on talking after a complete answer. */
static void spell(char *url, size_t size, const struct server *s, size_t number)
{
    char host[] = "localhost";

    for (size_t i = 0; i < sizeof host - 1; i++)
        if ((number >> i & 1) != 0)
            host[i] = (char)(host[i] - 'a' + 'A');
    snprintf(url, size, "http://%s:%d", host, s->port);
}

/* All of them, BATCH at once. */
static struct tally run(struct replies *replies, unsigned cuts, bool hold)
{
    struct server *s = server_start(serve_reply, replies);
    struct client *c = client_new(16, NULL);
    struct exchange *batch = calloc(BATCH, sizeof *batch);
    struct tally tally = { .ok = 0 };

    for (size_t at = 0; at < replies->count; at += BATCH) {
        size_t count = replies->count - at < BATCH ? replies->count - at : BATCH;

        for (size_t i = 0; i < count; i++) {
            char url[64], path[64];

            spell(url, sizeof url, s, at + i);
            snprintf(path, sizeof path, "/%zu/%u/%d", at + i, cuts, hold);
            exchange_init(&batch[i], c, url, path);
            batch[i].request.first_byte_ns = batch[i].request.idle_ns = (hold ? 150 : 5000) * CLOCK_MS;
            client_start(&batch[i]);
        }
        client_run(c);
        for (size_t i = 0; i < count; i++) {
            check_one(&replies->all[at + i], &batch[i], &tally);
            cr_assert(hold || (batch[i].failure != TRANSFER_TIME_IDLE && batch[i].failure != TRANSFER_TIME_FIRST));
            exchange_fini(&batch[i]);
        }
    }
    free(batch);
    client_free(c);
    server_stop(s);
    return tally;
}

Test(replies, of_curls_test_suite_are_read_right_or_refused)
{
    struct arena arena;
    struct replies replies = { .count = 0 };
    const struct json *cases;

    arena_init(&arena, NULL, 0, (size_t)64 << 20);
    cases = vectors_load(&arena, "vectors/curl-replies/replies.json");
    replies.all = arena_array(&arena, struct reply, json_count(cases));
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *one = json_at(cases, i);

        replies.all[replies.count++] = (struct reply){
            .name = json_text(json_member(one, "test")),
            .bytes = vectors_bytes(&arena, one, "raw_b64"),
        };
    }
    cr_assert_geq(replies.count, check_least(613));
    for (unsigned cuts = 0; cuts < 7; cuts++) {
        struct tally tally = run(&replies, cuts, false);

        /* Of the others, most have heads with bare line feeds, as curl's test files are written. */
        cr_assert(check_least(2) == 1 ? tally.ok > 0 : tally.ok == 270, "%d", tally.ok);
        cr_assert_eq(tally.compared, tally.ok, "%d", tally.compared);
    }
    run(&replies, 0, true);
    arena_fini(&arena);
}

Test(replies, of_llhttps_test_suite_that_it_refuses_are_refused)
{
    struct arena arena;
    struct replies replies = { .count = 0 };
    const struct json *cases;

    arena_init(&arena, NULL, 0, (size_t)64 << 20);
    cases = vectors_load(&arena, "vectors/llhttp/cases.json");
    replies.all = arena_array(&arena, struct reply, json_count(cases));
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *one = json_at(cases, i);

        if (!text_is(json_str(json_member(json_member(one, "meta"), "type")), "response"))
            continue;
        replies.all[replies.count++] = (struct reply){
            .name = json_str(json_member(one, "name")),
            .bytes = vectors_bytes(&arena, one, "raw_b64"),
            .refused = text_is(json_str(json_member(one, "result")), "error"),
        };
    }
    cr_assert_geq(replies.count, check_least(76));
    for (unsigned cuts = 0; cuts < 4; cuts++) {
        struct tally tally = run(&replies, cuts, false);

        cr_assert(check_least(2) == 1 ? tally.ok > 0 : tally.ok == 21, "%d",
                  tally.ok); /* most are cut short: they test the parser alone */
    }
    run(&replies, 0, true);
    arena_fini(&arena);
}
