/* event.h - an event of a provider: does it keep the rules of <gateway/provider.h>, and how is it as a line of text?
 *
 * Any thread; knows nothing of case files. The fuzzers use it too. */
#ifndef CONFORMANCE_EVENT_H
#define CONFORMANCE_EVENT_H

#include <gateway/provider.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "plugin/event.h"

/* What was seen of one answer. Zeroed at its start, but for `damaged`. */
struct event_check {
    bool damaged; /* what was read is not what a service sends: only what holds for any bytes is asked for */
    bool started, has_content, has_error;
    unsigned count;
    bool finished[EVENT_CHOICES];
    uint32_t calls[EVENT_CHOICES]; /* tool calls that were opened */
    char problem[256];             /* the first one; empty: all is well */
};

/* Takes the next event of the answer. */
void event_check(struct event_check *check, const gw_event *event);
/* Appends the event as a line: type, index and item where it has them, and its members that are not empty. */
void event_line(struct buf *out, const gw_event *event);

#endif
