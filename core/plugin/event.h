/* event.h - what a plugin hands to emit(), taken over: nothing of it is believed before it was looked at.
 *
 * The thread of the call. */
#ifndef PLUGIN_EVENT_H
#define PLUGIN_EVENT_H

#include <gateway/provider.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* Of one answer: choices, and calls or reasoning blocks in a choice. Clients and services stay far below. */
enum { EVENT_CHOICES = 1024, EVENT_ITEMS = 1 << 20 };

/* The sizes of ABI 1.0: a record that is shorter has no size at all, or a wrong one. */
#define EVENT_SIZE_1_0 (offsetof(gw_event, param) + sizeof(gw_str))
#define EVENT_TOKENS_SIZE_1_0 (offsetof(gw_tokens, raw) + sizeof(gw_str))

/* Copies the part of `given` that both sides know into *event, zeroed before, and its tokens into *tokens, to which
 * event->tokens points then. NULL, or what is wrong with it, in words that go on after "it emits"; static. Texts are lent as
 * they were. */
const char *event_copy(const gw_event *given, gw_event *event, gw_tokens *tokens);

struct event_choice;

/* What was taken of one answer; zeroed at its start. */
struct event_order {
    struct event_choice *choices; /* arena */
};

enum event_verdict {
    EVENT_TAKEN,
    EVENT_MENDED,  /* taken, with a change: *why names what */
    EVENT_SKIPPED, /* nothing of it can be used, and the answer goes on without it */
    EVENT_REFUSED, /* an answer with this in it is none */
};

/* Is an event that event_copy() made right where it stands in its answer? May change it. `operation`: GW_OP_*. *why
 * (static) is set unless it is EVENT_TAKEN. Types of later versions are EVENT_SKIPPED without a *why. */
enum event_verdict event_take(struct event_order *order, struct arena *arena, uint32_t operation, gw_event *event,
                              const char **why);

#endif
