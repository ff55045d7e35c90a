/* openai.h - what the files of the openai provider share. */
#ifndef OPENAI_H
#define OPENAI_H

#include <gateway/host.h>
#include <gateway/provider.h>
#include <stdbool.h>

/* An instance: its settings, read-only after open(). */
struct openai {
    const gw_host *host;
    char *organization, *project; /* NULL: not set */
};

/* A tool call that has been opened. */
struct tool {
    struct tool *next; /* the one opened before it */
    int64_t key;       /* the upstream's index; -1: it gave none */
    gw_str id;         /* as the upstream names it, may be empty */
    uint32_t item;
    bool opened; /* TOOL_CALL was emitted */
    bool custom;
};

/* One choice of the answer. */
struct choice {
    struct choice *next;
    uint32_t index;
    uint32_t tool_count;
    struct tool *tools; /* newest first */
    bool finished;
};

/* What is known of the answer after the frames so far. Memory of the call. */
struct reading {
    struct choice *choices;
    gw_str id;    /* of the answer */
    bool started; /* START was emitted */
    bool cited;   /* citations were */
    bool broken;  /* a choice ended with "error" */
    bool failed;  /* ERROR was emitted */
};

/* One frame being read. */
struct reader {
    const struct openai *openai;
    const gw_host *h;
    gw_call *call;
    gw_emit emit;
    struct reading *state;
    const gw_frame *frame;
    const gw_json *root; /* of the frame; NULL for the end mark */
};

/* read.c: the answer, whole or in pieces. */
gw_status openai_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit);
/* START, when it was not emitted yet: before anything else of the answer. */
void openai_start(struct reader *r);

/* tools.c: the member "tool_calls" of a message or delta; `whole` when each element is a complete call. */
void openai_tool_calls(struct reader *r, struct choice *choice, const gw_json *calls, bool whole);
/* The member "function_call" of before there were tools. */
void openai_function_call(struct reader *r, struct choice *choice, const gw_json *call);

/* usage.c: a usage object into disjoint buckets, emitted. */
void openai_usage(struct reader *r, const gw_json *usage);

/* error.c: an error body of any shape as one ERROR event. `root` is NULL when the body is not JSON. */
void openai_error(struct reader *r, const gw_json *root);

/* Small things. */
static inline const gw_json *openai_get(const struct reader *r, const gw_json *object, gw_str name)
{
    return r->h->json->get(object, name);
}
static inline gw_str openai_str(const struct reader *r, const gw_json *object, gw_str name)
{
    return r->h->json->str(r->h->json->get(object, name));
}
bool openai_is(gw_str s, const char *word);
/* Does `s` have `part` in it, ASCII case folded? */
bool openai_has(gw_str s, const char *part);
/* A copy in memory of the call; empty when there is no room. */
gw_str openai_keep(const struct reader *r, gw_str s);

#endif
