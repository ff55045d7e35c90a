/* metrics_cache.c - what the cache did, in Prometheus' text format. */
#include <inttypes.h>

#include "flow/metrics_inside.h"
#include "money/nano.h"
#include "plugin/aside.h"

void metrics_add_cache(struct metrics_cache *sum, const struct metrics_cache *more)
{
    const int64_t *from = (const int64_t *)more;
    int64_t *to = (int64_t *)sum;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        if (__builtin_add_overflow(to[i], from[i], &to[i]))
            to[i] = INT64_MAX;
}

void metrics_write_cache(const struct metrics_cache *n, struct buf *out)
{
    const struct {
        const char *name, *help;
        int64_t value;
    } rows[] = {
        { "gw_cache_hits_total", "Attempts that were answered from the cache.", n->hits },
        { "gw_cache_misses_total", "Attempts whose answer was looked for in the cache and not found.", n->misses },
        { "gw_cache_collapsed_total", "Attempts that were answered by what an equal request in flight had asked.",
          n->collapsed },
        { "gw_cache_stores_total", "Answers that were kept.", n->stores },
        { "gw_cache_hit_bytes_total", "Bytes of answers that were given again.", n->hit_bytes },
        { "gw_cache_stored_bytes_total", "Bytes of answers that were kept.", n->stored_bytes },
    };
    char usd[NANO_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n%s %" PRId64 "\n", rows[i].name, rows[i].help, rows[i].name,
                   rows[i].name, rows[i].value);
    buf_printf(
        out,
        "# HELP gw_cache_saved_usd_total What answers from the cache and of equal requests did not cost, in US dollars, as far as it is known.\n"
        "# TYPE gw_cache_saved_usd_total counter\ngw_cache_saved_usd_total %s\n",
        nano_write(n->saved_nano, 0, usd));
}

void metrics_write_helper(const struct aside_figures *n, struct buf *out)
{
    const struct {
        const char *name, *help;
        uint64_t value;
    } rows[] = {
        { "gw_cache_helper_answers_total", "Operations that the cache's helper process answered in time.",
          n->answered },
        { "gw_cache_helper_late_total", "Operations without an answer in time, each a miss.", n->late },
        { "gw_cache_helper_away_total", "Operations that were not sent: it was starting, or late.", n->away },
        { "gw_cache_helper_wrong_total", "Answers of a server that belonged to no question.", n->wrong },
        { "gw_cache_helper_restarts_total", "How often it was started again.", n->restarts },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n%s %" PRIu64 "\n", rows[i].name, rows[i].help, rows[i].name,
                   rows[i].name, rows[i].value);
}
