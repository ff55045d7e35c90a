/* usage.h - the tokens of one request, in disjoint buckets, with where the numbers came from. */
#ifndef CANON_USAGE_H
#define CANON_USAGE_H

#include <gateway/provider.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/text.h"

/* Where the numbers came from. Stored as these numbers. */
enum usage_source {
    USAGE_NONE,
    USAGE_REPORTED,  /* by the upstream */
    USAGE_COUNTED,   /* the output is counted from what passed; the input is reported, or estimated */
    USAGE_ESTIMATED, /* from the bytes of request and answer */
    USAGE_SOURCES
};

struct usage {
    enum usage_source source;
    int64_t input, cache_read, cache_write_5m, cache_write_1h, output, reasoning;
    int64_t audio_in, audio_out, image_in, image_out, server_tool_calls; /* 0 where not reported */
    bool partial;    /* what was reported so far has no output yet: a stream that is cut now is counted */
    bool refused;    /* a set was reported that cannot be right, and was left out */
    struct text raw; /* the provider's own JSON; in the arena given to usage_take() */
    struct text tier,
        speed; /* that the upstream reports it has served with, in lower case, as price books name them; in the
                              * arena given to usage_take_tier(); absent where it reports none */
};

/* Takes what an event reported (cumulative: the last one counts, but one that has no token at all reports nothing). False, and usage->refused, when the buckets are negative,
 * are more than a billion, or do not sum to the reported total: then what was reported before stays. */
bool usage_take(struct usage *usage, const gw_tokens *tokens, struct arena *arena);
/* Takes the service tier and the speed that stand in usage->raw, or else in `answer`, the JSON in which the usage came.
 * "auto" is what was asked for, and no tier. What an earlier event reported stays where this one reports nothing. */
void usage_take_tier(struct usage *usage, struct text answer, struct arena *arena);
/* Adds the buckets of `more`; the source is the less exact one of both. `raw`, `tier` and `speed` stay. */
void usage_add(struct usage *usage, const struct usage *more);
int64_t usage_total_in(const struct usage *usage);  /* all input buckets */
int64_t usage_total_out(const struct usage *usage); /* all output buckets */
/* "none", "reported", "counted", "estimated": as it is stored and reported. Static. */
const char *usage_source_name(enum usage_source source);
/* The output tokens that a stream has had, where nobody reports them: a third of the bytes of text, reasoning and call
 * arguments that came, rounded up, but not less than its events. */
int64_t usage_count_output(int64_t events, uint64_t bytes);
/* The `usage` object of a chat completion, written as a value. */
void usage_write_chat(const struct usage *usage, struct json_writer *w);
/* "usage":{buckets} of the access log, written as a value: only buckets that are not 0. */
void usage_write_log(const struct usage *usage, struct json_writer *w);

#endif
