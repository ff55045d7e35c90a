/* test_anthropic_golden.c - small answers, each with the list of events that the anthropic provider must make of it:
 * tests/provider/anthropic, named as in its README. Streams are read cut in two at every position. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anthropic_case.h"
#include "check.h"

static void write_golden(const char *path, struct text lines)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(lines.ptr, 1, lines.len, file), lines.len);
    cr_assert_eq(fclose(file), 0);
}

static void run(struct replay *r, const char *name, bool is_stream, uint32_t status, struct text body, size_t cut)
{
    replay_body(r, status, is_stream ? GW_FRAMING_SSE : GW_FRAMING_WHOLE, body, cut);
    cr_assert_eq(r->status, GW_OK, "%s cut at %zu: %.*s", name, cut, TEXT_ARG(r->call.explain));
}

static void check_golden(const char *name)
{
    static struct replay r;
    struct arena arena;
    char path[1024], expected[1100];
    const char *ending = strrchr(name, '.');
    bool is_stream = strcmp(ending, ".sse") == 0;
    uint32_t status = 200;

    if (ending - name > 4 && ending[-4] == '.')
        status = (uint32_t)strtoul(ending - 3, NULL, 10);
    snprintf(path, sizeof path, "%s/tests/provider/anthropic/%s", GW_SOURCE_DIR, name);
    snprintf(expected, sizeof expected, "%.*s.events", (int)(strrchr(path, '.') - path), path);
    arena_init(&arena, NULL, 0, 16 << 20);
    struct text body = replay_file(&arena, path);

    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    run(&r, name, is_stream, status, body, body.len);
    const char *mode = getenv("GW_GOLDEN");
    if (mode != NULL && strcmp(mode, "write") == 0)
        write_golden(expected, buf_view(&r.lines));
    struct text wanted = replay_file(&arena, expected);
    for (size_t cut = is_stream ? 0 : body.len; cut <= body.len; cut++) {
        replay_again(&r);
        run(&r, name, is_stream, status, body, cut);
        cr_assert(text_eq(buf_view(&r.lines), wanted), "%s cut at %zu gives\n%.*s\nand not\n%.*s", name, cut,
                  TEXT_ARG(buf_view(&r.lines)), TEXT_ARG(wanted));
    }
    replay_end(&r);
    arena_fini(&arena);
}

Test(anthropic_golden, events_are_as_written_down)
{
    char path[1024];
    unsigned count = 0;

    snprintf(path, sizeof path, "%s/tests/provider/anthropic", GW_SOURCE_DIR);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct text name = text_of(entry->d_name);
        if (!text_ends(name, TEXT(".sse")) && !text_ends(name, TEXT(".json")))
            continue;
        check_golden(entry->d_name);
        count++;
    }
    closedir(dir);
    cr_assert_geq(count, 40u, "%u goldens", count);
}
