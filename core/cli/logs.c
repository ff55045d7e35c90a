/* logs.c - llm-gateway logs: what the ledger writes down, a line for each record. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cli/ledger_path.h"
#include "money/delivery_batch.h"
#include "money/row_write.h"
#include "money/segment.h"

enum { LAST_MOST = 100000, LAST_USUAL = 20, PAUSE_MS = 100, SEGMENTS_BACK = 2 };

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    CLI_OPTION_LEDGER,
    { "follow", 'f', NULL, NULL, "go on with what is written, until it is ended" },
    { "last", 'n', "N", NULL, "begin with the last N; 20 unless said" },
    CLI_OPTION_JSON,
    CLI_OPTIONS_END,
};

/* The last lines, while the journal is read to its end; then each at once. */
struct logs {
    struct buf *lines; /* a ring */
    size_t keep, count;
    bool as_json, live;
    struct batch batch;
    int code;
};

static void write_row(const struct logs *l, const gw_store_row *row, struct buf *out)
{
    struct json_writer w;
    if (!l->as_json) {
        row_write_line(row, out);
        return;
    }
    json_writer_init(&w, out);
    json_object(&w);
    row_write_json(row, false, &w);
    json_close(&w);
    json_end(&w);
    buf_str(out, "\n");
}

static void take(struct logs *l, const struct follow_item *item)
{
    struct buf line;
    batch_clear(&l->batch);
    batch_add(&l->batch, item);
    if (l->batch.row_count == 0 || (!l->live && l->keep == 0))
        return;
    buf_init(&line, 1 << 20);
    write_row(l, l->batch.rows[0], &line);
    if (l->live) {
        l->code = cli_print(&line);
        return;
    }
    struct buf *place = &l->lines[l->count++ % l->keep];
    buf_free(place);
    *place = line;
}

static void print_kept(struct logs *l)
{
    size_t first = l->count > l->keep ? l->count - l->keep : 0;
    for (size_t i = first; i < l->count; i++)
        if (l->code == CLI_OK)
            l->code = cli_print(&l->lines[i % l->keep]);
    l->live = true;
}

/* Not all of a long journal is read for its last lines. */
static struct follow_place begin_at(const char *folder)
{
    struct segment_files files;
    struct arena names;
    struct fail fail;
    struct follow_place place = { 0 };
    arena_init(&names, NULL, 0, 256 << 20);
    if (segment_list(folder, &names, &files, &fail) == 0 && files.count > SEGMENTS_BACK)
        place.segment = segment_number(files.names[files.count - SEGMENTS_BACK]);
    arena_fini(&names);
    return place;
}

static void pause_reading(void)
{
    struct timespec pause = { 0, PAUSE_MS * CLOCK_MS };
    nanosleep(&pause, NULL);
}

static int read_lines(struct logs *l, const char *folder, bool goes_on)
{
    struct follow_settings settings = { .folder = folder, .from = begin_at(folder), .accept_gap = true };
    struct follow *f = follow_new(&settings);
    struct follow_item item;
    struct fail fail;

    while (l->code == CLI_OK) {
        enum follow_next next = follow_next(f, &item, &fail);
        if (next == FOLLOW_RECORD) {
            take(l, &item);
            continue;
        }
        if (next != FOLLOW_WAIT) {
            cli_say("%s", fail.text);
            l->code = CLI_FAILED;
            break;
        }
        if (!l->live)
            print_kept(l);
        if (!goes_on)
            break;
        pause_reading();
    }
    follow_free(f);
    return l->code;
}

static int run(struct cli *cli)
{
    struct ledger_place place;
    const char *last = cli_option(cli, "last");
    int64_t count = LAST_USUAL;

    json_start();
    if (last != NULL && (text_parse_u63(text_of(last), &count) < 0 || count > LAST_MOST))
        return cli_usage(cli->verb, "--last takes a number up to %d, not \"%s\"", LAST_MOST, last);
    if (!ledger_place_begin(cli, &place))
        return CLI_CONFIG;
    struct logs *l = calloc(1, sizeof *l);
    BUG_IF(l == NULL);
    *l = (struct logs){ .keep = (size_t)count, .as_json = cli_option(cli, "json") != NULL, .code = CLI_OK };
    l->lines = calloc(l->keep + 1, sizeof *l->lines);
    BUG_IF(l->lines == NULL);
    batch_init(&l->batch);
    int code = read_lines(l, place.path, cli_option(cli, "follow") != NULL);
    for (size_t i = 0; i < l->keep; i++)
        buf_free(&l->lines[i]);
    free(l->lines);
    batch_fini(&l->batch);
    free(l);
    ledger_place_end(&place);
    return code;
}

const struct cli_verb verb_logs = {
    .name = "logs",
    .summary = "show what was used and spent as it is written down",
    .arguments = "",
    .options = options,
    .notes =
        "A line for each attempt that ended, each answer that asked no upstream and each correction, from the ledger's journal:\n"
        "time, request, team, key, model, target, how it ended, tokens, cost, duration. -f goes on; --json writes an object on\n"
        "each line. Works beside a running gateway.\n",
    .run = run,
};
