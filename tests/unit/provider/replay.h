/* replay.h - feeds bytes or a request to a provider that is linked in, and keeps what it emits, both as lines
 * of text (for goldens) and folded (for comparison with a recording). */
#ifndef REPLAY_H
#define REPLAY_H

#include <gateway/plugin.h>
#include <gateway/provider.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "plugin/call.h"

const gw_plugin *gw_plugin_entry_openai(void);
const gw_plugin *gw_plugin_entry_azure(void);
const gw_plugin *gw_plugin_entry_demo(void);

enum { REPLAY_CHOICES = 4, REPLAY_TOOLS = 16 };

struct replay_tool {
    struct buf id, name, args;
    bool custom;
};

struct replay_choice {
    struct buf text, refusal, reasoning, signature;
    struct replay_tool tools[REPLAY_TOOLS];
    unsigned tool_count, finish_count, citations, logprobs, media;
    char finish[32];
};

struct replay {
    const gw_provider_ops *ops;
    gw_host host; /* as the core's, but for the clock */
    int64_t now_ms;
    void *instance;
    struct arena keep, scratch;
    struct gw_call call;

    struct buf lines; /* every event, one line each */
    struct replay_choice choices[REPLAY_CHOICES];
    unsigned starts, usages, errors, events;
    struct buf model;
    gw_tokens tokens; /* of the last USAGE; raw is empty */
    struct buf raw;
    struct buf body; /* of the last BODY */
    uint32_t error_status, error_fault;
    struct buf error_text, error_code, error_param;
    gw_status status; /* the last that a function of the provider returned; GW_OK for GW_MISS of read(), */
    bool complete;    /* which is noted here */
};

/* Opens an instance with `settings` (JSON text, NULL for none). Ends the test when it cannot. */
void replay_begin(struct replay *replay, const gw_plugin *plugin, const char *settings);
/* Frees everything. */
void replay_end(struct replay *replay);
/* Forgets the events and begins a new call, the clock at 0. */
void replay_again(struct replay *replay);

/* The body of an answer: cut into frames as the core does for `framing`. read() gets them all, then
 * the end. `cut` bytes come first, the rest in a second piece. Stops at the first status that is not GW_OK. */
void replay_body(struct replay *replay, uint32_t status, uint32_t framing, struct text body, size_t cut);

/* Calls produce() until it is complete, moving the clock on by what it asks for. `limit` is the most calls; the
 * number of calls is returned. */
unsigned replay_produce(struct replay *replay, const char *body, bool stream, unsigned limit);

/* The same for a request of any kind, once. */
void replay_request(struct replay *replay, const gw_request *req);

/* A file as a text, in `arena`; ends the test when it cannot be read. */
struct text replay_file(struct arena *arena, const char *path);

#endif
