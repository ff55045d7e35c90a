/* store_rows.c - store-rows PLUGIN.so FOLDER ROWS DAYS: fills FOLDER/store.sqlite through the plugin with rows that a gateway could have
 * written, and begins a journal behind them, so that `usage` finds a ledger of that length. For ten_million.py. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "money/journal.h"
#include "plugin/store.h"

enum { BATCH = 10000, TEAMS = 20, KEYS = 10, MODELS = 12, TEXT = 64 };
#define DAY_MS INT64_C(86400000)

struct made {
    gw_store_row row;
    gw_store_sums sums;
    gw_store_line lines[2];
    const gw_store_line *pointers[2];
    char request[TEXT], team[TEXT], key[TEXT], model[TEXT], user[TEXT];
};

static uint64_t random_of(uint64_t number)
{
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

static gw_str text(const char *s)
{
    return (gw_str){ s, strlen(s) };
}

/* Row `number` of `count`, in the order of time; what it costs is known from its number. */
static void make(struct made *m, uint64_t number, uint64_t count, int64_t days)
{
    static const char *const providers[] = { "openai", "anthropic", "gemini" };
    uint64_t r = random_of(number);
    unsigned team = (unsigned)(r % TEAMS), model = (unsigned)(r >> 8) % MODELS;
    int64_t admitted =
        INT64_C(20000) * DAY_MS + (int64_t)((unsigned __int128)number * (uint64_t)(days * DAY_MS) / (count + 1));

    snprintf(m->request, sizeof m->request, "019ac5e2-%04x-7%03x-8%03x-%012" PRIx64, (unsigned)(number >> 24),
             (unsigned)(number >> 12) & 0xfff, (unsigned)number & 0xfff, r & 0xffffffffffff);
    snprintf(m->team, sizeof m->team, "team-%u", team);
    snprintf(m->key, sizeof m->key, "team-%u-key-%u", team, (unsigned)(r >> 16) % KEYS);
    snprintf(m->model, sizeof m->model, "model-%u", model);
    snprintf(m->user, sizeof m->user, "user-%u", (unsigned)(r >> 24) % 5000);
    m->sums = (gw_store_sums){ .size = sizeof m->sums,
                               .requests = 1,
                               .input = (int64_t)(r % 4000),
                               .output = (int64_t)(r % 700),
                               .cost = (int64_t)(number % 100000) };
    for (size_t i = 0; i < 2; i++) {
        m->lines[i] = (gw_store_line){ .size = sizeof m->lines[i],
                                       .unit = i == 0 ? GW_LIT("input") : GW_LIT("output"),
                                       .quantity = i == 0 ? m->sums.input : m->sums.output,
                                       .price = INT64_C(2500000000),
                                       .cost = i == 0 ? m->sums.cost : 0 };
        m->pointers[i] = &m->lines[i];
    }
    m->row = (gw_store_row){ .size = sizeof m->row,
                             .type = GW_STORE_END,
                             .number = number,
                             .corrects = number,
                             .written_ms = admitted + 900,
                             .admitted_ms = admitted,
                             .duration_ms = 900,
                             .attempt = 1,
                             .request = text(m->request),
                             .team = text(m->team),
                             .key = text(m->key),
                             .model = text(m->model),
                             .provider = text(providers[model % 3]),
                             .user = text(m->user),
                             .client = GW_LIT("claude-code"),
                             .face = GW_LIT("chat"),
                             .upstream_model = text(m->model),
                             .ending = GW_LIT("settled"),
                             .source = GW_LIT("reported"),
                             .outcome = GW_LIT("ok"),
                             .price = GW_LIT("openai/gpt-4o"),
                             .sums = &m->sums,
                             .lines = m->pointers,
                             .line_count = 2,
                             .hard = 5000000,
                             .soft = 1000000 };
}

static int fill(struct store_session *session, uint64_t count, int64_t days, struct fail *fail)
{
    struct made *made = calloc(BATCH, sizeof *made);
    const gw_store_row **rows = calloc(BATCH, sizeof *rows);
    gw_status status = made != NULL && rows != NULL ? GW_OK : GW_E_NOMEM;
    for (uint64_t first = 1; status == GW_OK && first <= count; first += BATCH) {
        size_t n = count + 1 - first < BATCH ? (size_t)(count + 1 - first) : BATCH;
        gw_store_cursor after = { .size = sizeof after, .generation = 1, .next = first == 1 ? 0 : first };
        gw_store_cursor until = {
            .size = sizeof until, .generation = 1, .next = first + n, .segment = 1, .offset = 22, .from = count + 1
        };
        gw_store_batch batch = { .size = sizeof batch, .after = &after, .until = &until, .rows = rows, .row_count = n };
        for (size_t i = 0; i < n; i++) {
            make(&made[i], first + i, count, days);
            rows[i] = &made[i].row;
        }
        status = store_put(session, &batch, fail);
    }
    free(rows);
    free(made);
    return status == GW_OK ? 0 : -1;
}

static int begin_journal(const char *folder, uint64_t next, struct fail *fail)
{
    struct journal_settings settings = { .folder = folder };
    struct journal *journal = journal_open(&settings, fail);
    if (journal == NULL)
        return -1;
    int result = journal_start(journal, next, fail);
    journal_close(journal);
    return result;
}

int main(int argc, char **argv)
{
    char config[4200];
    struct arena arena;
    struct fail fail;
    gw_status status;
    void *instance;

    if (argc != 5) {
        fputs("usage: store-rows PLUGIN.so FOLDER ROWS DAYS\n", stderr);
        return 2;
    }
    json_start();
    arena_init(&arena, NULL, 0, 1 << 20);
    uint64_t count = strtoull(argv[3], NULL, 10);
    snprintf(config, sizeof config, "{\"path\":\"%.4000s/store.sqlite\"}", argv[2]);
    if (begin_journal(argv[2], count + 1, &fail) < 0) {
        fprintf(stderr, "%s\n", fail.text);
        return 1;
    }
    const struct plugin *plugin = plugin_load(argv[1], &fail);
    if (plugin == NULL || plugin_open_store(plugin, json_parse(&arena, text_of(config), NULL), &instance, &fail) < 0) {
        fprintf(stderr, "%s\n", fail.text);
        return 1;
    }
    struct store_session *session = store_attach(plugin, instance, GW_STORE_WRITE, &status, &fail);
    int result = session != NULL ? fill(session, count, strtoll(argv[4], NULL, 10), &fail) : -1;
    if (result < 0)
        fprintf(stderr, "%s\n", fail.text);
    if (session != NULL)
        store_detach(session);
    plugin_close_store(plugin, instance);
    arena_fini(&arena);
    return result < 0 ? 1 : 0;
}
