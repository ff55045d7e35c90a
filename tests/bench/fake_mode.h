/* fake_mode.h - what the fake upstream answers on one port. Everything it sends is made at start; what
 * changes from one answer to the next is written over it in place. */
#ifndef BENCH_FAKE_MODE_H
#define BENCH_FAKE_MODE_H

#include <stdbool.h>
#include <stddef.h>

#include "fake_shape.h"

enum { FAKE_EVENT_MAX = 4096 }; /* of the head, an event and the tail, each */

struct fake_mode {
    const struct fake_shape *shape;
    bool stream;
    unsigned chunks, interval_ms, delay_ms;
    char *answer[2]; /* the whole answer, or all of a stream; [1] with usage */
    size_t answer_len[2];
    char *head; /* of a timed stream: response head and first event */
    size_t head_len, head_id;
    char *event;
    size_t event_len, event_id, event_due;
    bool event_has_id; /* not every shape has it in each event */
    char *tail[2];     /* from the finish event to the last chunk; [1] with usage */
    size_t tail_len[2];
};

/* Reads "whole:BYTES", "delay:MS:BYTES" or "sse:CHUNKS:BYTES:MS", OpenAI-shaped or behind "anthropic:" Anthropic's,
 * and makes the answers, which live as long as the process. Ends the process when it cannot. */
void fake_mode_make(struct fake_mode *m, const char *spec);

#endif
