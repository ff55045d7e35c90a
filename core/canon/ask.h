/* ask.h - what a client asks for, as far as the gateway must know it: read from the body by
 * a scan, parsed as a whole only when somebody needs more. */
#ifndef CANON_ASK_H
#define CANON_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/scan.h"
#include "base/text.h"

/* Something of the client's request that has no place in the canonical form. */
struct ask_dropped {
    struct ask_dropped *next;
    struct text member; /* arena: "container", "tools.bash_20250124" */
    const char *why;    /* static */
};

/* A model that a member beside "model" asks for: OpenRouter's "models", LiteLLM's "fallbacks". */
struct ask_choice {
    struct ask_choice *next;
    const char *member; /* static */
    struct text model;  /* as the upstream names it; arena or lent from the body; absent: it cannot be known */
    unsigned count;     /* of the list from here on */
};

struct ask {
    struct text body;         /* as sent; kept by the request */
    struct text content_type; /* the header, absent when there was none */
    struct scan scan;         /* its top-level members */
    struct text model;        /* as asked for */
    bool stream;
    bool wants_usage; /* the client asked for a usage chunk itself */
    int64_t choices;  /* n, 1 unless set */
    bool to_service;  /* the current target is a service at its usual address, not a server of the operator's own */
    bool base64;      /* embeddings: as base64 instead of numbers */
    struct ask_choice *choice;    /* other models that it asks for; NULL: none */
    const struct json *json;      /* the parsed body, NULL until ask_json() */
    const struct json *canonical; /* for a face's canonical(): what it made, NULL until then */
    struct ask_dropped *dropped;  /* what canonical() left out, each once, in order */
};

/* The body as a strict JSON value, parsed at the first call; NULL with `fail`. */
const struct json *ask_json(struct arena *arena, struct ask *ask, struct fail *fail);

#endif
