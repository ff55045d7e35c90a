/* usage_sums.c - the quantities of lines in buckets of tokens, and money. */
#include "money/usage_sums.h"

#include "money/unit.h"

static void add(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = INT64_MAX;
}

static void add_line(struct usage_sums *sums, const struct record_line *line)
{
    switch (unit_find(line->unit)) {
    case UNIT_CACHE_READ:
    case UNIT_CACHE_AUDIO:
    case UNIT_CACHE_IMAGE:
        add(&sums->cache_read, line->quantity);
        break;
    case UNIT_CACHE_WRITE:
    case UNIT_CACHE_WRITE_1H:
        add(&sums->cache_write, line->quantity);
        break;
    case UNIT_INPUT:
    case UNIT_AUDIO_IN:
    case UNIT_IMAGE_IN:
    case UNIT_VIDEO_IN:
        add(&sums->input, line->quantity);
        break;
    case UNIT_OUTPUT:
    case UNIT_AUDIO_OUT:
    case UNIT_IMAGE_OUT:
    case UNIT_VIDEO_OUT:
        add(&sums->output, line->quantity);
        break;
    case UNIT_REASONING:
        add(&sums->reasoning, line->quantity);
        break;
    default:
        break;
    }
}

void usage_sums_add_record(struct usage_sums *sums, const struct record *record)
{
    const struct record_line *lines = record->lines.items;
    for (size_t i = 0; i < record->lines.count && record->cached == 0; i++) /* what the cache answers uses nothing */
        add_line(sums, &lines[i]);
    sums->requests += record->final;
    sums->unpriced += record->unpriced;
    sums->estimated += record->cached == 0 && (record->source == SOURCE_COUNTED || record->source == SOURCE_ESTIMATED);
    add(&sums->cost, record->cost);
    add(&sums->doubt, record->doubt);
}

void usage_sums_add(struct usage_sums *sums, const struct usage_sums *more)
{
    const int64_t *from = (const int64_t *)more;
    int64_t *to = (int64_t *)sums;
    for (size_t i = 0; i < sizeof *sums / sizeof *to; i++)
        add(&to[i], from[i]);
}

void usage_sums_add_held(struct usage_sums *sums, int64_t hard)
{
    add(&sums->held, hard);
}
