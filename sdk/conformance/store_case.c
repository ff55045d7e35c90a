/* store_case.c - rows that are made by their number, so that what they add up to is known. */
#include "store_case.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MOST = 4096, TEXT = 48 };

struct made {
    gw_store_row row;
    gw_store_sums sums;
    gw_store_line lines[2];
    const gw_store_line *pointers[2];
    char request[TEXT], team[TEXT];
};

bool store_fail(struct store_case *c, const char *format, ...)
{
    va_list args;
    if (c->problem[0] != '\0')
        return false;
    va_start(args, format);
    vsnprintf(c->problem, sizeof c->problem, format, args);
    va_end(args);
    return false;
}

static unsigned team_of(uint64_t number)
{
    return (unsigned)(number % 3) + 1;
}

static int64_t admitted(uint64_t number)
{
    return STORE_BEGIN_MS + (int64_t)number * 427000;
}

static gw_store_sums sums_of(uint64_t number)
{
    int64_t n = (int64_t)number;
    return (gw_store_sums){ .size = sizeof(gw_store_sums),
                            .requests = n % 5 != 0,
                            .input = n * 3,
                            .output = n,
                            .cache_read = n % 7,
                            .cache_write = n % 11,
                            .reasoning = n % 13,
                            .cost = n * 1000000007,
                            .doubt = n % 4 == 0 ? n : 0,
                            .unpriced = n % 17 == 0,
                            .estimated = n % 2 };
}

static gw_str text(const char *s)
{
    return (gw_str){ s, strlen(s) };
}

static void make(struct made *m, uint64_t number)
{
    snprintf(m->request, sizeof m->request, "request-%llu", (unsigned long long)(number / 2));
    snprintf(m->team, sizeof m->team, "team \xc3\xa9 %u", team_of(number));
    m->sums = sums_of(number);
    for (size_t i = 0; i < 2; i++) {
        m->lines[i] = (gw_store_line){ .size = sizeof m->lines[i],
                                       .unit = i == 0 ? GW_LIT("input") : GW_LIT("output"),
                                       .quantity = i == 0 ? m->sums.input : m->sums.output,
                                       .price = 5,
                                       .cost = i == 0 ? m->sums.cost : 0 };
        m->pointers[i] = &m->lines[i];
    }
    m->row = (gw_store_row){ .size = sizeof m->row,
                             .type = GW_STORE_END,
                             .number = number,
                             .corrects = number,
                             .written_ms = admitted(number) + 5,
                             .admitted_ms = admitted(number),
                             .duration_ms = 5,
                             .attempt = 1,
                             .request = text(m->request),
                             .team = text(m->team),
                             .key = GW_LIT("k'"),
                             .model = GW_LIT("m\"; --"),
                             .provider = GW_LIT("p"),
                             .user = text(m->team),
                             .ending = GW_LIT("settled"),
                             .source = GW_LIT("reported"),
                             .outcome = GW_LIT("ok"),
                             .price = GW_LIT("p/m"),
                             .sums = &m->sums,
                             .lines = m->pointers,
                             .line_count = 2,
                             .hard = 9,
                             .soft = 3,
                             .accounts = GW_LIT("[]"),
                             .raw = GW_LIT("{}") };
}

gw_status store_put_rows(struct store_case *c, uint64_t first, uint64_t last, uint64_t after, uint64_t until)
{
    size_t count = (size_t)(last + 1 - first);
    struct made *made = calloc(count + 1, sizeof *made);
    const gw_store_row **rows = calloc(count + 1, sizeof *rows);
    gw_store_cursor from = { .size = sizeof from, .generation = 1, .next = after };
    gw_store_cursor to = { .size = sizeof to, .generation = 1, .next = until, .segment = 7, .offset = 8, .from = 9 };
    gw_store_batch batch = { .size = sizeof batch, .after = &from, .until = &to, .rows = rows, .row_count = count };
    struct fail fail;

    BUG_IF(made == NULL || rows == NULL || count > ROWS_MOST);
    for (size_t i = 0; i < count; i++) {
        make(&made[i], first + i);
        rows[i] = &made[i].row;
    }
    gw_status status = store_put(c->writer, &batch, &fail);
    if (status != GW_OK && status != GW_MISS)
        store_fail(c, "put() fails: %s", fail.text);
    free(rows);
    free(made);
    return status;
}

static void add(gw_store_sums *to, const gw_store_sums *more)
{
    to->requests += more->requests;
    to->input += more->input;
    to->output += more->output;
    to->cache_read += more->cache_read;
    to->cache_write += more->cache_write;
    to->reasoning += more->reasoning;
    to->cost += more->cost;
    to->doubt += more->doubt;
    to->unpriced += more->unpriced;
    to->estimated += more->estimated;
}

gw_store_sums store_expect(uint64_t first, uint64_t last, unsigned team, int64_t since_ms, int64_t until_ms)
{
    gw_store_sums all = { .size = sizeof all };
    for (uint64_t n = first; n <= last; n++) {
        gw_store_sums one = sums_of(n);
        if ((team == 0 || team_of(n) == team) && admitted(n) >= since_ms && admitted(n) < until_ms)
            add(&all, &one);
    }
    return all;
}

struct groups {
    struct store_case *c;
    gw_store_sums by_team[4];
};

static void take(void *owner, const gw_store_group *group)
{
    struct groups *g = owner;
    gw_str team = group->values[0];
    unsigned number = team.len == 9 ? (unsigned)(team.ptr[8] - '0') : 0;
    if (number < 1 || number > 3)
        store_fail(g->c, "sums() has a group of the team \"%.*s\", which has no row", (int)team.len, team.ptr);
    else
        add(&g->by_team[number], group->sums);
}

bool store_check_sums(struct store_case *c, uint64_t last, uint32_t by, int64_t since_ms, int64_t until_ms)
{
    const uint32_t words[] = { GW_STORE_BY_TEAM, by };
    gw_store_query query = {
        .size = sizeof query, .by_count = by != 0 ? 2 : 1, .by = words, .since_ms = since_ms, .until_ms = until_ms
    };
    struct groups groups = { .c = c };
    gw_store_cursor cursor;
    gw_status status;
    struct fail fail;
    struct store_session *reader = store_attach(c->plugin, c->instance, GW_STORE_READ, &status, &fail);

    if (reader == NULL)
        return store_fail(c, "attach() to read answers %s", call_status_name(status));
    status = store_sums(reader, &query, &cursor, take, &groups, &fail);
    store_detach(reader);
    if (status != GW_OK)
        return store_fail(c, "sums() fails: %s", fail.text);
    for (unsigned team = 1; team <= 3; team++) {
        gw_store_sums want = store_expect(1, last, team, since_ms, until_ms), got = groups.by_team[team];
        got.size = want.size;
        if (memcmp(&want, &got, sizeof want) != 0)
            return store_fail(
                c,
                "sums by team and word %u of the rows 1 to %llu: team %u has %lld requests and costs %lld, and it should be %lld and %lld",
                by, (unsigned long long)last, team, (long long)got.requests, (long long)got.cost,
                (long long)want.requests, (long long)want.cost);
    }
    return true;
}

bool store_check_next(struct store_case *c, uint64_t next)
{
    gw_store_cursor cursor;
    struct fail fail;
    if (store_cursor(c->writer, &cursor, &fail) != GW_OK)
        return store_fail(c, "cursor() fails: %s", fail.text);
    return cursor.next == next || store_fail(c, "cursor() stands at %llu, and not at %llu",
                                             (unsigned long long)cursor.next, (unsigned long long)next);
}
