/* demo.h - what the files of the demo provider share. */
#ifndef DEMO_H
#define DEMO_H

#include <gateway/host.h>
#include <gateway/provider.h>
#include <stdbool.h>

enum { DEMO_DIMENSIONS_LEAST = 8, DEMO_DIMENSIONS_MOST = 1536 };

/* An instance: its settings, read-only after open(). */
struct demo {
    const gw_host *host;
    int64_t tokens_per_second; /* of a stream; 0: as fast as it is taken */
    int64_t latency_ms;        /* before the first token of a stream */
    int64_t slow_ms;           /* before the first token, for the magic word "slow" */
    int64_t long_words;        /* of the answer to the magic word "long" */
    int64_t dimensions;        /* of an embedding, unless the request sets it */
};

/* What will be answered, and how far we are. Memory of the call. */
struct answer {
    /* The plan: made once. */
    gw_str id;
    gw_str reasoning, text; /* cut to the limits already */
    gw_str tool_name;       /* absent: no call; then `text` is empty */
    gw_str tool_id, tool_args;
    gw_str finish;
    uint32_t choices;
    int64_t delay_ms; /* before the first token */
    bool breaks;      /* an error instead of the finish */
    uint32_t error_status, error_fault;
    gw_str error_text, error_code, error_param; /* error_text absent: no error */
    int64_t prompt_tokens, reasoning_tokens, text_tokens;

    /* The position. */
    int64_t first_ms; /* when the first token is due */
    int64_t sent;     /* tokens */
    bool begun;
    size_t reasoning_at, text_at; /* bytes sent; text_at is of the tool's arguments when there is a call */
};

/* plan.c: the fields that are not as asked for, ended by a row without one. */
extern const gw_capability demo_fields[];
/* Decides the answer to `req`. Never fails: what is wrong becomes an error answer. */
void demo_plan(const struct demo *demo, gw_call *call, const gw_request *req, struct answer *answer);

/* sample.c: writes a value that a JSON schema describes. `name` is what it is called, for a guess. */
void demo_sample(const gw_host *host, gw_writer *w, const gw_json *schema, gw_str name);

/* vectors.c: answers a request for embeddings, with one event. GW_MISS, as produce() returns it. */
gw_status demo_embed(const struct demo *demo, gw_call *call, const gw_request *req, gw_emit emit);

/* tokens.c: the length in bytes of the first token of a text that is not empty. */
size_t demo_token(gw_str text);
/* How many tokens a text has. */
int64_t demo_count(gw_str text);
/* The part of `text` that is at most `most` tokens; *count gets their number. */
gw_str demo_first(gw_str text, int64_t most, int64_t *count);

/* demo.c: an ERROR event. */
void demo_emit_error(gw_call *call, gw_emit emit, uint32_t status, uint32_t fault, gw_str text, gw_str code,
                     gw_str param);
/* USAGE of so many tokens. */
void demo_emit_usage(const struct demo *demo, gw_call *call, gw_emit emit, int64_t prompt, int64_t output,
                     int64_t reasoning);

/* Small things of gw_str. */
bool demo_is(gw_str s, const char *word);
gw_str demo_copy(const struct demo *demo, gw_call *call, gw_str s);

#endif
