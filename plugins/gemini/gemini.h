/* gemini.h - what the files of the Gemini provider share. */
#ifndef GEMINI_H
#define GEMINI_H

#include <gateway/plugin.h>
#include <gateway/provider.h>
#include <string.h>

#define GEMINI_FORMAT "google-gemini-v1" /* of an entry of reasoning_details that holds a thought signature */
#define GEMINI_CHOICES 8u                /* candidates that a request can ask for */

struct gemini_choice {
    uint32_t calls, block; /* calls that were opened; the block of reasoning that pieces belong to */
    uint32_t finished;
};

/* One request and its answer. Memory of the call. */
struct gemini_state {
    gw_str model;                /* as it was asked for */
    const gw_json *tools;        /* of the request: names that Gemini does not take go out spelt otherwise */
    uint32_t operation;          /* GW_OP_*; 0: there was no request */
    uint32_t calls, over, began; /* calls of all choices; over: an error ended the answer */
    uint32_t respelt;            /* a tool's name went out in another way */
    struct gemini_choice choices[GEMINI_CHOICES];
};

/* A request while it is written. */
struct gemini_out {
    const gw_host *h;
    gw_call *call;
    gw_writer *w;
    const gw_request *req;
    struct gemini_state *state;
    uint32_t in_config; /* generationConfig is open */
    uint32_t in_reply;  /* the content is the model's: reasoning in it is written before it */
};

static inline const gw_json *gemini_get(const gw_host *h, const gw_json *object, const char *name)
{
    return h->json->get(object, (gw_str){ name, strlen(name) });
}

static inline gw_str gemini_text(const gw_host *h, const gw_json *object, const char *name)
{
    return h->json->str(gemini_get(h, object, name));
}

static inline int gemini_is(gw_str s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.len > 0 ? s.ptr : "", word, s.len) == 0;
}

static inline int gemini_begins(gw_str s, const char *word)
{
    return s.len >= strlen(word) && memcmp(s.len > 0 ? s.ptr : "", word, strlen(word)) == 0;
}

/* The same for the words of addresses and types, which have no case; `word` has small letters. */
static inline int gemini_begins_nocase(gw_str s, const char *word)
{
    size_t len = strlen(word), i = 0;
    while (s.len >= len && i < len &&
           (s.ptr[i] == word[i] || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' && s.ptr[i] + 32 == word[i])))
        i++;
    return i == len;
}

static inline void gemini_key(const struct gemini_out *o, const char *name)
{
    o->h->write->key(o->w, (gw_str){ name, strlen(name) });
}

static inline void gemini_str(const struct gemini_out *o, const char *name, gw_str value)
{
    gemini_key(o, name);
    o->h->write->str(o->w, value);
}

/* capability.c */
extern const gw_capability gemini_rows[];
extern const size_t gemini_row_count;
/* Reports a member that cannot be carried, with the reason of its row. */
void capability_drop(const struct gemini_out *o, gw_str field);
/* GW_E_REQUEST, with the reason of the row. */
gw_status capability_refuse(const struct gemini_out *o, const char *field);

/* contents.c: systemInstruction and contents. */
gw_status contents_write(struct gemini_out *o);

/* parts.c */
/* The parts of a message's content; `signature` goes to the last text. The number of parts that were written. */
size_t parts_write(struct gemini_out *o, const gw_json *content, gw_str signature, gw_status *status);
/* Reasoning among the parts of a model's message, as thoughts. The number of parts that were written. */
size_t parts_write_thoughts(struct gemini_out *o, const gw_json *content);
/* The parts that are no text: a result has no place for them. */
size_t parts_write_media(struct gemini_out *o, const gw_json *content, gw_status *status);
/* The texts of a content, one after another; memory of the call. */
gw_str parts_text(const struct gemini_out *o, const gw_json *content);
/* Reports the members of `object` that stand in none of the blank-separated words. */
void parts_report(const struct gemini_out *o, const gw_json *object, const char *known);

/* settings.c: generationConfig, tools, toolConfig; reports the members of the request that it does not know. */
gw_status settings_write(struct gemini_out *o);
/* Does the model think by levels (Gemini 3 and later)? */
int settings_has_levels(gw_str model);

/* names.c */
/* A function's name as Gemini takes it; memory of the call. */
gw_str names_sent(const gw_host *h, gw_call *call, gw_str name);
/* The name that the client gave to what was called. */
gw_str names_back(const gw_host *h, gw_call *call, const struct gemini_state *state, gw_str name);

/* services.c: embeddings and the count of tokens, which are whole answers. */
gw_status services_embeddings(struct gemini_out *o);
gw_status services_count(struct gemini_out *o);
/* The answer of one of them as one BODY event. */
void services_read(const gw_host *h, gw_call *call, const gw_json *answer, gw_emit emit);

/* read.c */
gw_status read_answer(const gw_host *h, gw_call *call, const gw_frame *frame, gw_emit emit);

#endif
