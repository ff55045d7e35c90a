/* prices_update.c - llm-gateway prices update FILE: takes newer prices into the book, and shows each difference. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/prices.h"
#include "money/book_merge.h"
#include "money/nano.h"

enum { BOOK_MOST = 16 << 20 };

/* Lines for a person, and how many of each kind there were. */
struct differences {
    struct buf lines;
    size_t count[MERGE_KINDS];
};

static const char *usd(int64_t nano, char out[NANO_TEXT])
{
    return nano < 0 ? "none" : nano_write(nano, 0, out);
}

static void add(void *arg, const struct merge_difference *d)
{
    static const char *const words[MERGE_KINDS] = {
        [MERGE_NEW] = "new", [MERGE_CHANGED] = "changed", [MERGE_KEPT] = "kept", [MERGE_HELD] = "held back"
    };
    struct differences *to = arg;
    char from[NANO_TEXT], until[NANO_TEXT];

    to->count[d->kind]++;
    buf_printf(&to->lines, "%-9s  %.*s/%.*s", words[d->kind], TEXT_ARG(d->provider), TEXT_ARG(d->model));
    if (d->unit != UNITS)
        buf_printf(&to->lines, "  %.*s %s -> %s", TEXT_ARG(unit_info(d->unit)->name), usd(d->from, from),
                   usd(d->to, until));
    else if (d->kind == MERGE_KEPT)
        buf_str(&to->lines, "  the file does not have it");
    buf_str(&to->lines, "\n");
}

/* 0, or -1 after saying why. */
static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    size_t room = 1;

    while (got > 0 && room > 0) {
        char *space = buf_room(out, 64 << 10, &room);
        got = space != NULL ? read(fd, space, room) : 0;
        if (space != NULL)
            buf_added(out, got > 0 ? (size_t)got : 0);
    }
    if (got < 0)
        cli_say("cannot read %s: %s", path, strerror(errno));
    else if (buf_view(out).len == BOOK_MOST)
        cli_say("cannot read %s: it is larger than 16 MB", path);
    if (fd >= 0)
        close(fd);
    return got < 0 || buf_view(out).len == BOOK_MOST ? -1 : 0;
}

static int write_all(int fd, struct text bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.ptr, bytes.len);
        if (wrote < 0 && errno != EINTR)
            return -1;
        bytes.ptr += wrote > 0 ? wrote : 0;
        bytes.len -= wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(fd);
}

/* Replaces the book at once or not at all. 0, or -1 after saying why. */
static int replace(const char *path, struct text bytes, struct arena *arena)
{
    const char *beside = arena_printf(arena, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int failed = fd < 0 || write_all(fd, bytes) != 0;
    int reason = errno;

    if (fd >= 0 && close(fd) != 0 && !failed) {
        failed = 1;
        reason = errno;
    }
    if (!failed && rename(beside, path) == 0)
        return 0;
    if (!failed)
        reason = errno;
    if (fd >= 0)
        unlink(beside);
    cli_say(
        "cannot write %s: %s. Nothing was changed; --output writes the new book elsewhere, --book or GW_PRICES names "
        "it then",
        path, strerror(reason));
    return -1;
}

static void summarize(const struct cli *cli, const char *path, struct differences *d)
{
    bool dry = cli_option(cli, "dry-run") != NULL;

    buf_printf(&d->lines, "%zu new, %zu prices changed, %zu kept, %zu held back. ", d->count[MERGE_NEW],
               d->count[MERGE_CHANGED], d->count[MERGE_KEPT], d->count[MERGE_HELD]);
    if (d->count[MERGE_HELD] > 0)
        buf_str(&d->lines, "What was held back changes a price more than tenfold, to or from zero, or takes it away: "
                           "--force takes it. ");
    if (dry)
        buf_printf(&d->lines, "Nothing was written.\n");
    else
        buf_printf(&d->lines, "Written to %s; a gateway that runs reads it when it starts.\n", path);
}

int prices_update(struct cli *cli)
{
    struct differences differences = { .count = { 0 } };
    struct fail fail = { .kind = FAIL_NONE };
    struct buf older, newer, merged;
    struct arena arena;
    int ended = CLI_FAILED;

    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&older, BOOK_MOST);
    buf_init(&newer, BOOK_MOST);
    buf_init(&merged, BOOK_MOST);
    buf_init(&differences.lines, BOOK_MOST);
    const char *path = prices_path(cli, &arena);
    const char *output = cli_option(cli, "output") != NULL ? cli_option(cli, "output") : path;
    if (read_file(path, &older) == 0 && read_file(cli->args[1], &newer) == 0) {
        if (book_merge(buf_view(&older), buf_view(&newer), (int64_t)time(NULL), cli_option(cli, "force") != NULL,
                       &merged, add, &differences, &fail) != 0)
            cli_say("%s", fail.text);
        else if (cli_option(cli, "dry-run") != NULL || replace(output, buf_view(&merged), &arena) == 0)
            ended = CLI_OK;
    }
    buf_free(&older);
    buf_free(&newer);
    buf_free(&merged);
    if (ended == CLI_OK) {
        summarize(cli, output, &differences);
        ended = cli_print(&differences.lines);
    } else {
        buf_free(&differences.lines);
    }
    arena_fini(&arena);
    return ended;
}
