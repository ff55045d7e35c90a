/* retire.c - a segment goes when a later one, which stays, carries its open holds and its balances. */
#include "money/retire.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "money/record.h"
#include "money/segment.h"

/* The number of the oldest segment that is needed where this one is kept: a start begins with what its OPEN carries over, and what is in
 * doubt is settled from the records that made it so. 0: all are. */
static uint64_t oldest_needed(const char *folder, const char *name)
{
    struct segment_reader reader;
    struct record open;
    struct arena arena;
    struct text bytes;
    struct fail fail;
    const char *why;
    uint64_t needed = 0;

    if (segment_open(&reader, folder, name, &fail) < 0)
        return 0;
    arena_init(&arena, NULL, 0, 2 * SEGMENT_RECORD_MOST);
    if (segment_next(&reader, &bytes) == SEGMENT_RECORD && record_read(bytes, &arena, &open, &why) == 0 &&
        open.type == RECORD_OPEN && open.whole)
        needed = open.doubt != 0 && open.doubts < segment_number(name) ? open.doubts : segment_number(name);
    arena_fini(&arena);
    segment_close(&reader);
    return needed;
}

static bool is_old(const char *path, int64_t keep_ms)
{
    struct stat st;
    return stat(path, &st) == 0 &&
           (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / CLOCK_MS <= clock_unix_ms() - keep_ms;
}

/* The oldest first, so that what is left never has a hole. */
static unsigned retire_listed(const char *folder, const struct segment_files *files, uint64_t before, int64_t keep_ms)
{
    char path[4096];
    unsigned removed = 0;
    uint64_t needed = 0;
    for (size_t i = files->count; i-- > 0 && needed == 0;)
        if (segment_number(files->names[i]) <= before)
            needed = oldest_needed(folder, files->names[i]);
    for (size_t i = 0; i < files->count && segment_number(files->names[i]) < needed; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files->names[i]);
        if (!is_old(path, keep_ms))
            break;
        if (unlink(path) < 0) {
            log_line(LOG_WARN, "ledger: %s is not needed any more and cannot be removed: %s", path, strerror(errno));
            break;
        }
        removed++;
    }
    return removed;
}

unsigned retire_segments(const char *folder, uint64_t before, int64_t keep_ms)
{
    struct segment_files files;
    struct arena names;
    struct fail fail;
    unsigned removed = 0;
    arena_init(&names, NULL, 0, 256 << 20);
    if (segment_list(folder, &names, &files, &fail) == 0)
        removed = retire_listed(folder, &files, before, keep_ms);
    arena_fini(&names);
    return removed;
}
